use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use tempfile::TempDir;

use super::*;

/// One of each kind of file that is not regular, with a word of the sentence about it.
fn not_regular_ones(folder: &TempDir) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &str| folder.path().join(name);
    mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    symlink(at("fifo"), at("link-to-fifo")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    drop(UnixListener::bind(at("socket")).unwrap());
    vec![(at("fifo"), "a pipe"), (at("link-to-fifo"), ""), (at("folder"), "a directory"), (at("socket"), "a socket")]
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn any(_: &mut Existing) -> io::Result<()> {
    Ok(())
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_replaced_nor_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let ones = not_regular_ones(&folder);
    let before = names(&folder);
    for (path, word) in &ones {
        let errors = [
            open(path).unwrap_err(),
            open_to_append(path).unwrap_err(),
            replace(path, b"new", any).unwrap_err(),
            create(path).unwrap_err(),
        ];
        for error in &errors[..3] {
            assert!(error.to_string().contains(word), "{}: {error}", path.display());
        }
        assert_eq!(errors[3].kind(), ErrorKind::AlreadyExists, "{}", path.display());
    }
    assert!(open(Path::new("/dev/zero")).unwrap_err().to_string().contains("a device"));
    assert_eq!(names(&folder), before);
}

#[test]
fn links_are_followed_for_reading_and_never_for_writing() {
    let folder = tempfile::tempdir().unwrap();
    let (precious, link, dangling) =
        (folder.path().join("precious"), folder.path().join("link"), folder.path().join("dangling"));
    std::fs::write(&precious, "precious").unwrap();
    symlink(&precious, &link).unwrap();
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    assert_eq!(read_text(&link, 100).unwrap(), "precious");
    for path in [&link, &dangling] {
        for error in [replace(path, b"new", any).unwrap_err(), open_to_append(path).unwrap_err()] {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert_eq!(create(path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(names(&folder), ["dangling", "link", "precious"]);
}

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_its_mode_and_other_names_keep_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("file"), folder.path().join("other"));
    replace(&path, b"first", any).unwrap();
    std::fs::hard_link(&path, &other).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let mut reader = open(&path).unwrap();
    replace(&path, b"second and longer", any).unwrap();
    let mut old = String::new();
    reader.read_to_string(&mut old).unwrap();
    assert_eq!((old.as_str(), std::fs::read_to_string(&other).unwrap().as_str()), ("first", "first"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "second and longer");
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(names(&folder), ["file", "other"]);
}

#[test]
fn what_is_refused_stays_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "old").unwrap();
    let refusal = |_: &mut Existing| Err(io::Error::other("it is precious"));
    assert_eq!(replace(&path, b"new", refusal).unwrap_err().to_string(), "it is precious");
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    // Root may write whatever its mode is, and replaces it then.
    if !geteuid().is_root() {
        assert_eq!(replace(&path, b"new", any).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
    assert!(replace(&folder.path().join("none/file"), b"new", any).is_err());
    assert!(replace(Path::new("/"), b"new", any).is_err());
    assert_eq!(names(&folder), ["file"]);
}

#[test]
fn devices_are_written_to_as_they_are() {
    assert!(replace(Path::new("/dev/null"), b"new", any).is_ok());
    let error = replace(Path::new("/dev/full"), b"new", any).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_file_that_grows_is_read_up_to_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "first").unwrap();
    let mut file = open(&path).unwrap();
    open_to_append(&path).unwrap().write_all(b" second").unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "first");
    assert!(read_text(&path, 5).unwrap_err().to_string().contains("12 bytes; at most 5"));
}
