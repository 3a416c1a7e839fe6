//! Files that are named on the command line: nothing but regular files is opened, none is waited for, and none is lost.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ipcmark_report::made_up::Run;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::common::{assert_sentence, ipcmark};

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

/// A folder with a record `a.jsonl` and one of each kind of file that is not regular, by the word for it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    Run { cells: 3, ..Run::default() }.write(&at("a.jsonl")).unwrap();
    mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
    symlink("pipe", at("link-to-pipe")).unwrap();
    std::fs::create_dir(at("directory")).unwrap();
    drop(UnixListener::bind(at("socket")).unwrap());
    symlink("/dev/zero", at("device")).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn each_command_that_reads_names_what_is_no_regular_file_and_ends() {
    let folder = folder();
    for name in ["pipe", "link-to-pipe", "socket", "device"] {
        let word = name.rsplit('-').next().unwrap();
        for args in [
            &["show", name][..],
            &["compare", name],
            &["cite", name, CELL],
            &["report", name, "--out", "page.html"],
            &["run", "--resume", name],
        ] {
            let ended = ipcmark(folder.path(), args);
            assert_sentence(&ended, 1, &[name, &format!("a {word}"), "regular file"]);
        }
    }
    for args in [&["show", "directory"][..], &["run", "--resume", "directory"]] {
        assert_sentence(&ipcmark(folder.path(), args), 1, &["directory", "regular file"]);
    }
}

#[test]
fn what_shell_opened_for_reading_is_read_where_it_is_a_file_and_named_where_it_is_a_pipe() {
    let folder = folder();
    let shell = |line: &str| {
        let mut command = std::process::Command::new("sh");
        let line = line.replace("ipcmark", env!("CARGO_BIN_EXE_ipcmark"));
        command.args(["-c", &line]).current_dir(folder.path());
        super::common::Live::start(command).unwrap().end()
    };
    for name in ["/dev/stdin", "/proc/self/fd/0"] {
        assert_eq!(shell(&format!("ipcmark show {name} < a.jsonl")).code, Some(0));
        assert_sentence(&shell(&format!("cat a.jsonl | ipcmark show {name}")), 1, &[name, "a pipe", "regular file"]);
    }
    for name in ["/dev/stdout", "/proc/self/fd/1"] {
        for output in [" > page", " | cat > page"] {
            let ended = shell(&format!("ipcmark report a.jsonl --out {name}{output}"));
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let page = std::fs::read_to_string(folder.path().join("page")).unwrap();
            assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with(&format!("</html>{name}\n")), "{output}");
        }
    }
}

#[test]
fn a_page_replaces_pages_and_nothing_else() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    Run { cells: 2, seed: 1, ..Run::default() }.write(&at("b.jsonl")).unwrap();
    std::fs::write(at("damaged.jsonl"), "no record\n").unwrap();
    std::fs::write(at("notes.txt"), "precious").unwrap();
    std::fs::hard_link(at("b.jsonl"), at("hard.html")).unwrap();
    std::fs::hard_link(at("a.jsonl"), at("of-input.html")).unwrap();
    symlink("notes.txt", at("link.html")).unwrap();
    symlink("nowhere", at("dangling.html")).unwrap();
    let before = names(folder.path());
    for (out, why) in [
        ("a.jsonl", "one of the records"),
        ("of-input.html", "one of the records"),
        ("damaged.jsonl", "one of the records"),
        ("b.jsonl", "not a page"),
        ("hard.html", "not a page"),
        ("notes.txt", "not a page"),
        ("link.html", "symbolic link"),
        ("dangling.html", "symbolic link"),
        ("directory", "a directory"),
        ("pipe", "a pipe"),
        ("socket", "a socket"),
    ] {
        let kept =
            std::fs::metadata(at(out)).ok().filter(|file| file.is_file()).map(|_| std::fs::read(at(out)).unwrap());
        let ended = ipcmark(folder.path(), &["report", "a.jsonl", "damaged.jsonl", "--out", out]);
        assert_sentence(&ended, 1, &[out, why]);
        assert_eq!(
            kept,
            std::fs::metadata(at(out)).ok().filter(|file| file.is_file()).map(|_| std::fs::read(at(out)).unwrap())
        );
    }
    assert_eq!(names(folder.path()), before);
    for _ in 0..2 {
        assert_eq!(ipcmark(folder.path(), &["report", "a.jsonl", "--out", "page.html"]).code, Some(0));
    }
}

#[test]
fn a_record_is_neither_begun_nor_continued_in_what_is_no_regular_file() {
    let folder = folder();
    symlink("a.jsonl", folder.path().join("link.jsonl")).unwrap();
    let before = std::fs::read(folder.path().join("a.jsonl")).unwrap();
    for name in ["pipe", "link-to-pipe", "directory", "socket", "a.jsonl", "link.jsonl"] {
        let ended = ipcmark(folder.path(), &["run", CELL, "--launches", "1", "--out", name]);
        assert_sentence(&ended, 1, &[name, "exists", "nothing was measured"]);
    }
    assert_eq!(std::fs::read(folder.path().join("a.jsonl")).unwrap(), before);
}

#[test]
fn man_pages_replace_man_pages_and_nothing_else() {
    let folder = folder();
    for _ in 0..2 {
        assert_eq!(ipcmark(folder.path(), &["man", "pages"]).code, Some(0));
    }
    let page = folder.path().join("pages/ipcmark-run.1");
    for other in ["link", "record"] {
        std::fs::remove_file(&page).unwrap();
        if other == "link" {
            symlink("../a.jsonl", &page).unwrap();
        } else {
            std::fs::copy(folder.path().join("a.jsonl"), &page).unwrap();
        }
        assert_sentence(&ipcmark(folder.path(), &["man", "pages"]), 1, &["pages/ipcmark-run.1"]);
        assert!(std::fs::read(&page).unwrap().starts_with(b"{"), "{other}");
    }
}

#[test]
fn a_page_that_does_not_fit_leaves_the_old_one_and_nothing_beside_it() {
    let folder = folder();
    assert_eq!(ipcmark(folder.path(), &["report", "a.jsonl", "--out", "page.html"]).code, Some(0));
    let (before, page) = (names(folder.path()), std::fs::read(folder.path().join("page.html")).unwrap());
    let mut command = std::process::Command::new("sh");
    let line = r#"ulimit -f 8; exec "$@""#;
    command.args(["-c", line, "sh", env!("CARGO_BIN_EXE_ipcmark"), "report", "a.jsonl", "--out", "page.html"]);
    command.current_dir(folder.path());
    let ended = super::common::Live::start(command).unwrap().end();
    assert_sentence(&ended, 1, &["cannot write page.html", "File too large"]);
    assert_eq!(names(folder.path()), before);
    assert_eq!(std::fs::read(folder.path().join("page.html")).unwrap(), page);
}
