//! A setting of the machine that is applied and undone by commands, and is undone whatever happens.
//!
//! A guardian runs the commands and outlives this process. Where the guardian itself is killed a second one undoes the setting;
//! what kills both at once, such as the end of a container, leaves it applied.

use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Duration;

use super::guardian::{Change, Guardian, NoStatus};
use crate::output;

/// A setting, with the process that sees to it that it is undone.
#[derive(Debug)]
pub struct Setting {
    apply: OsString,
    undo: OsString,
    /// What a command may take.
    limit: Duration,
    guardian: Guardian,
    applied: bool,
}

impl Setting {
    /// `apply` and `undo` are lines for sh(1), each of which may take `limit`. Nothing is applied yet.
    ///
    /// # Errors
    /// If no shell can be started.
    pub fn new(apply: impl AsRef<OsStr>, undo: impl AsRef<OsStr>, limit: Duration) -> io::Result<Setting> {
        let (apply, undo) = (apply.as_ref(), undo.as_ref());
        let guardian = Guardian::start(apply, undo, false)?;
        Ok(Setting { apply: apply.into(), undo: undo.into(), limit, guardian, applied: false })
    }

    /// Whether it is, or may be in part.
    pub fn is_applied(&self) -> bool {
        self.applied
    }

    /// Has it applied or undone, if it is not; an interruption ends the command that applies.
    ///
    /// # Errors
    /// A sentence, where the command fails, is interrupted, takes too long, or loses its guardian.
    pub fn set(&mut self, applied: bool) -> Result<(), String> {
        if applied == self.applied {
            return Ok(());
        }
        let change = if applied { Change::Apply } else { Change::Undo };
        // What has failed may have been done in part.
        self.applied = true;
        let failure = match self.guardian.run(change, self.limit) {
            Ok(0) => {
                self.applied = applied;
                return Ok(());
            }
            Ok(status) => format!("failed with status {status}"),
            Err(NoStatus::Lost) => self.replace_guardian(),
            Err(NoStatus::Interrupted(signal)) => format!("was ended: interrupted by signal {signal}"),
            Err(NoStatus::Hung) => format!("took longer than {:.1} s and was killed", self.limit.as_secs_f64()),
            Err(NoStatus::Unkillable) => "was to be killed and goes on: end it, and undo the setting by hand".into(),
            Err(NoStatus::Io(error)) => format!("could not be run: {error}"),
        };
        Err(format!("the command of {} {failure}", change.option()))
    }

    /// Another one, to undo what the lost one has applied.
    fn replace_guardian(&mut self) -> String {
        self.guardian.end(Duration::from_secs(1));
        let lost = "could not be finished: the shell that runs --apply and --undo was killed";
        match Guardian::start(&self.apply, &self.undo, true) {
            Ok(guardian) => {
                self.guardian = guardian;
                lost.into()
            }
            Err(error) => format!("{lost}, and another cannot be started: {error}"),
        }
    }

    /// Undoes it, and ends the guardian.
    ///
    /// # Errors
    /// A sentence, if the undo has failed; the guardian has tried once more.
    pub fn end(mut self) -> Result<(), String> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), String> {
        let guardian = self.guardian.pid();
        let mut undone = self.set(false);
        if undone.is_err() && self.guardian.pid() != guardian {
            undone = self.set(false);
        }
        self.guardian.end(self.limit);
        undone.map_err(|why| format!("{why}: look whether the setting is still applied"))
    }
}

impl Drop for Setting {
    /// Also where a panic unwinds.
    fn drop(&mut self) {
        if self.guardian.is_open()
            && let Err(why) = self.finish()
        {
            output::message(format_args!("error: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn setting(folder: &Path) -> Setting {
        setting_that(folder, "true", LIMIT)
    }

    /// Its apply leaves a file, which its undo removes, and runs `then`.
    fn setting_that(folder: &Path, then: &str, limit: Duration) -> Setting {
        let file = folder.join("applied");
        Setting::new(format!("touch '{}'; {then}", file.display()), format!("rm '{}'", file.display()), limit).unwrap()
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
        let mut setting = setting_that(folder.path(), "exit 3", LIMIT);
        let why = setting.set(true).unwrap_err();
        assert!(why.contains("--apply") && why.contains("status 3"), "{why}");
        setting.end().unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn an_undo_that_fails_says_so() {
        let mut setting = Setting::new("true", "exit 4", LIMIT).unwrap();
        setting.set(true).unwrap();
        assert!(setting.end().unwrap_err().contains("status 4"));
    }

    #[test]
    fn commands_have_no_terminal_to_wait_for() {
        // The guardian is the first process of their session.
        let in_own_session =
            r#"read -r pid name state parent group session rest </proc/self/stat; [ "$session" = "$PPID" ]"#;
        let mut setting = Setting::new(in_own_session, "true", LIMIT).unwrap();
        setting.set(true).unwrap();
        setting.end().unwrap();
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children_and_undone() {
        let folder = tempfile::tempdir().unwrap();
        let mut setting = setting_that(folder.path(), "sleep 600 & sleep 600", Duration::from_millis(500));
        let why = setting.set(true).unwrap_err();
        assert!(why.contains("--apply took longer than 0.5 s and was killed"), "{why}");
        setting.limit = LIMIT;
        setting.end().unwrap();
        assert!(!folder.path().join("applied").exists());
    }

    #[test]
    fn an_undo_that_hangs_is_not_waited_for() {
        let mut setting = Setting::new("true", "sleep 600", Duration::from_millis(200)).unwrap();
        setting.set(true).unwrap();
        let why = setting.end().unwrap_err();
        assert!(why.contains("--undo took longer than 0.2 s") && why.contains("still applied"), "{why}");
    }

    #[test]
    fn where_the_guardian_is_killed_another_undoes_it() {
        let folder = tempfile::tempdir().unwrap();
        for say_so in [true, false] {
            let mut setting = setting(folder.path());
            setting.set(true).unwrap();
            kill(Pid::from_raw(setting.guardian.pid()), Signal::SIGKILL).unwrap();
            if say_so {
                let why = setting.set(false).unwrap_err();
                assert!(why.contains("the shell that runs --apply and --undo was killed"), "{why}");
            }
            setting.end().unwrap();
            assert!(!folder.path().join("applied").exists());
        }
    }
}
