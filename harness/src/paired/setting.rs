//! A setting of the machine that is applied and undone by commands, and is undone whatever happens.
//!
//! The commands are run by a guardian: a shell of its own process group, which ignores SIGINT, SIGTERM and SIGHUP. It takes one
//! word at a time from a pipe and answers with the command's status. When the pipe ends, since this process has closed it or has
//! been killed, it finishes the command under way and undoes what was applied. So an apply that outlives this process cannot
//! overtake the undo. What kills the whole control group at once (a container that is removed) kills the guardian, too.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// `$1` applies, `$2` undoes. The commands' output goes to standard error: standard output is results.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP PIPE
applied=
while read -r word; do
    case $word in
    apply) applied=1; sh -c "$1" </dev/null >&2; echo $? ;;
    undo) sh -c "$2" </dev/null >&2; status=$?; [ $status != 0 ] || applied=; echo $status ;;
    esac
done
[ -z "$applied" ] || sh -c "$2" </dev/null >&2
"#;

/// A setting, with the process that sees to it that it is undone.
#[derive(Debug)]
pub struct Setting {
    guardian: Child,
    /// Closed to end the guardian.
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    applied: bool,
}

impl Setting {
    /// `apply` and `undo` are lines for sh(1). Nothing is applied yet.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn new(apply: &str, undo: &str) -> io::Result<Setting> {
        let mut guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "ipcmark-guardian", apply, undo])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let missing = || io::Error::other("the guardian has no pipes");
        let words = guardian.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(guardian.stdout.take().ok_or_else(missing)?);
        Ok(Setting { guardian, words: Some(words), answers, applied: false })
    }

    /// Whether it is, or may be in part.
    pub fn is_applied(&self) -> bool {
        self.applied
    }

    /// Has it applied or undone, if it is not; the error is a sentence.
    pub fn set(&mut self, applied: bool) -> Result<(), String> {
        if applied == self.applied {
            return Ok(());
        }
        let (word, what) = if applied { ("apply", "--apply") } else { ("undo", "--undo") };
        // What has failed may have been done in part.
        self.applied = true;
        match self.ask(word) {
            Ok(0) => {
                self.applied = applied;
                Ok(())
            }
            Ok(status) => Err(format!("the command of {what} failed with status {status}")),
            Err(error) => Err(format!("the command of {what} could not be run: {error}")),
        }
    }

    /// Undoes it, and ends the guardian.
    pub fn end(mut self) -> Result<(), String> {
        self.undo()
    }

    /// The guardian tries once more after an undo that has failed.
    fn undo(&mut self) -> Result<(), String> {
        let undone = self.set(false);
        drop(self.words.take());
        let _ = self.guardian.wait();
        undone.map_err(|why| format!("{why}: look whether the setting is still applied"))
    }

    fn ask(&mut self, word: &str) -> io::Result<i32> {
        let words = self.words.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(words, "{word}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(|_| io::Error::other("the guardian has ended"))
    }
}

impl Drop for Setting {
    /// Also where a panic unwinds.
    fn drop(&mut self) {
        if self.words.is_some()
            && let Err(why) = self.undo()
        {
            eprintln!("error: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(folder: &std::path::Path) -> Setting {
        let file = folder.join("applied");
        Setting::new(&format!("touch '{}'", file.display()), &format!("rm '{}'", file.display())).unwrap()
    }

    #[test]
    fn it_is_applied_and_undone_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("applied");
        let mut setting = setting(folder.path());
        for applied in [false, true, true, false, true] {
            setting.set(applied).unwrap();
            assert_eq!(file.exists(), applied);
        }
        setting.end().unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn a_panic_undoes_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("applied");
        let panicked = std::panic::catch_unwind(|| {
            let mut setting = setting(folder.path());
            setting.set(true).unwrap();
            assert!(!file.exists(), "the panic that is wanted");
        });
        assert!(panicked.is_err() && !file.exists());
    }

    #[test]
    fn what_fails_half_way_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("applied");
        let mut setting =
            Setting::new(&format!("touch '{}'; exit 3", file.display()), &format!("rm '{}'", file.display())).unwrap();
        let why = setting.set(true).unwrap_err();
        assert!(why.contains("--apply") && why.contains("status 3"), "{why}");
        setting.end().unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn an_undo_that_fails_says_so() {
        let mut setting = Setting::new("true", "exit 4").unwrap();
        setting.set(true).unwrap();
        assert!(setting.end().unwrap_err().contains("status 4"));
    }
}
