//! What `build.rs` makes of a small crate in a git repository of its own: that it is built again when it must be, and only then.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::skip;

/// A crate whose program says what it was built from; none, said on standard error, where cargo or git are missing.
struct Crate {
    folder: tempfile::TempDir,
    cargo: PathBuf,
}

const MANIFEST: &str = "[package]\nname = \"small\"\nedition = \"2024\"\n[workspace]\n";
const PROGRAM: &str = "fn main() { print!(\"{} {}\", env!(\"IPCMARK_COMMIT\"), env!(\"IPCMARK_DIRTY\")); }\n";

impl Crate {
    fn committed(git_setting: &str) -> Option<Crate> {
        let has_git = Command::new("git").arg("--version").output().is_ok_and(|said| said.status.success());
        let Some(cargo) = std::env::var_os("CARGO").filter(|_| has_git).map(PathBuf::from) else {
            skip("no git(1), or not started by cargo");
            return None;
        };
        let made = Crate { folder: tempfile::tempdir().unwrap(), cargo };
        std::fs::create_dir(made.path("src")).unwrap();
        let script = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs")).unwrap();
        for (file, text) in
            [("build.rs", &*script), ("Cargo.toml", MANIFEST), ("src/main.rs", PROGRAM), ("README.md", "a")]
        {
            std::fs::write(made.path(file), text).unwrap();
        }
        std::fs::write(made.path(".gitignore"), "target\n").unwrap();
        made.run(&made.cargo, &["generate-lockfile", "--offline"]);
        made.git(&["init", "--quiet"]);
        made.git(&["config", "core.logAllRefUpdates", git_setting]);
        made.commit();
        Some(made)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    #[track_caller]
    fn run(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        // What the outer cargo and a hook of git say of themselves is not meant for these.
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let of_outer = |name: &String| {
            ["CARGO_", "GIT_", "RUST"].iter().any(|prefix| name.starts_with(prefix))
                && !["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"].contains(&name.as_str())
        };
        for name in names.filter(of_outer) {
            command.env_remove(name);
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let ended = command.args(args).current_dir(self.folder.path()).output().unwrap();
        assert!(ended.status.success(), "{program:?} {args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        ended
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
        let ended = self.run(Path::new("git"), &[&who, args].concat());
        String::from_utf8_lossy(&ended.stdout).trim().to_owned()
    }

    #[track_caller]
    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "test"]);
    }

    /// Whether anything was compiled.
    #[track_caller]
    fn build(&self) -> bool {
        // Whatever the user has cargo say, and wherever to put it.
        let args = ["build", "--offline", "--target-dir", "target", "--config", "term.quiet=false"];
        let ended = self.run(&self.cargo, &args);
        String::from_utf8_lossy(&ended.stderr).contains("Compiling")
    }

    /// What the program was built from.
    #[track_caller]
    fn says(&self) -> String {
        let ended = self.run(&self.cargo, &["run", "--quiet", "--offline", "--target-dir", "target"]);
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// As after a clone: the index knows a file by a time that is not its own.
    fn outdate_index(&self) {
        let file = std::fs::File::open(self.path("Cargo.lock")).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }

    fn index(&self) -> Vec<u8> {
        std::fs::read(self.path(".git/index")).unwrap()
    }
}

/// Coarser than any file system's clock, for cargo tells older from newer by it.
fn next_tick() {
    std::thread::sleep(std::time::Duration::from_millis(1100));
}

#[test]
fn a_second_build_does_nothing_though_git_has_refreshed_its_index() {
    for git_keeps_a_log in ["true", "false"] {
        let Some(made) = Crate::committed(git_keeps_a_log) else { return };
        assert!(made.build(), "a commit is a change");
        assert!(!made.build());
        next_tick();
        made.outdate_index();
        let before = made.index();
        made.git(&["status"]);
        assert_ne!(before, made.index(), "git has not refreshed its index: this test shows nothing");
        assert!(!made.build(), "built again for an index");
    }
}

#[test]
fn a_commit_or_a_changed_source_is_in_the_next_build_and_a_changed_page_is_no_change() {
    for git_keeps_a_log in ["true", "false"] {
        let Some(made) = Crate::committed(git_keeps_a_log) else { return };
        made.build();
        let first = made.git(&["rev-parse", "HEAD"]);
        assert_eq!(made.says(), format!("{first} false"));
        next_tick();
        std::fs::write(made.path("README.md"), "b").unwrap();
        assert!(!made.build());
        std::fs::write(made.path("src/main.rs"), format!("{PROGRAM}// changed\n")).unwrap();
        made.outdate_index();
        let index = made.index();
        assert!(made.build());
        assert_eq!(index, made.index(), "the build has written git's index");
        assert_eq!(made.says(), format!("{first} true"));
        next_tick();
        made.commit();
        assert!(made.build());
        assert_eq!(made.says(), format!("{} false", made.git(&["rev-parse", "HEAD"])));
    }
}
