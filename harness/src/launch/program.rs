//! Which program a worker is: this one, or another build of it behind a command that ends in `exec`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::executable::Executable;
use crate::control::{Failure, FailureKind};

/// The link works even when the file has been replaced or removed since this process started.
const EXECUTABLE: &str = "/proc/self/exe";

/// How a worker is started: words, to which the arguments of a worker are added.
///
/// The worker must be the child that was started, since it dies with its parent: `env`, `taskset`, `nice`, `chrt`, `numactl`
/// and `setarch` become the command that they are given; `sudo` and `perf stat` do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Empty: this program.
    words: Vec<OsString>,
    /// The rest of the environment is cleared: nothing of the caller's may move results.
    path: Option<OsString>,
    /// What its first worker ran.
    executable: OnceLock<Executable>,
}

impl Program {
    /// This program, whatever has become of its file.
    pub fn this() -> Program {
        Program { words: Vec::new(), path: None, executable: OnceLock::new() }
    }

    /// This program with the environment that another [`Program`] of a command line gets: with the same `PATH`.
    pub fn this_with_path() -> Program {
        Program { path: std::env::var_os("PATH"), ..Program::this() }
    }

    /// A path, or a command: words, quoted as in a shell where they hold blanks; assignments in front are given to env(1).
    ///
    /// # Errors
    /// If there is no word, a quote is open, or the first word is no program.
    pub fn parse(text: &OsStr) -> Result<Program, String> {
        let mut words = if Path::new(text).is_file() { vec![text.to_owned()] } else { split(text)? };
        match words.first().map(|word| word.as_bytes()) {
            None => return Err("it is empty; a program or a command is wanted".into()),
            Some(word) if word.contains(&b'=') && !word.contains(&b'/') => words.insert(0, "env".into()),
            Some(_) => {}
        }
        let path = std::env::var_os("PATH");
        words[0] = find(&words[0], path.as_deref().unwrap_or_default())?;
        Ok(Program { words, path, executable: OnceLock::new() })
    }

    /// The file that its workers run, once [`super::Launcher::check`] has started one; none where /proc does not tell.
    pub fn executable(&self) -> Option<&Executable> {
        self.executable.get()
    }

    /// Of a worker that has answered, and so has become an ipcmark.
    pub(super) fn note_executable(&self, worker: u32) {
        if let Some(found) = Executable::of(worker) {
            self.executable.get_or_init(|| found);
        }
    }

    /// Fails where a worker runs another file than the first one did. This program cannot change: [`EXECUTABLE`].
    pub(super) fn check_executable(&self, worker: u32) -> Result<(), Failure> {
        let Some(first) = self.executable.get().filter(|_| !self.words.is_empty()) else { return Ok(()) };
        match Executable::of(worker) {
            Some(found) if found != *first => {
                let why = format!("{} was replaced since the first start", first.path);
                let advice = "results would mix two builds; compare copies that no build writes to";
                Err(Failure::new(FailureKind::Worker, format!("{why}: {advice}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn command(&self) -> Command {
        let mut command = match self.words.split_first() {
            None => Command::new(EXECUTABLE),
            Some((program, _)) => Command::new(program),
        };
        match self.words.split_first() {
            None => command.arg0("ipcmark-worker"),
            Some((_, arguments)) => command.args(arguments),
        };
        command.env_clear().envs(self.path.iter().map(|path| ("PATH", path)));
        command
    }

    /// What may be missing: a clause that starts with `; `.
    pub(super) fn advice_where_not_found(&self) -> String {
        if self.words.is_empty() {
            return format!("; this program is started again as {EXECUTABLE}: is /proc mounted?");
        }
        "; it has been removed meanwhile, or the interpreter or loader that it names is missing".into()
    }

    /// A failure of another program's worker names the program.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        if self.words.is_empty() {
            return failure;
        }
        Failure::new(failure.kind, format!("`{self}`: {}", failure.reason))
    }

    /// Another program that has ended, or said something else, before its first answer may be no worker.
    pub(super) fn no_answer(&self, failure: Failure) -> Failure {
        if self.words.is_empty() || failure.kind == FailureKind::Interrupted {
            return failure;
        }
        let why = format!("it did not answer as a worker of ipcmark ({})", failure.reason);
        let advice = "the command must end in an ipcmark that it becomes, as `env X=1 ipcmark` does";
        Failure::new(failure.kind, format!("{why}; {advice}"))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.words.is_empty() {
            return f.write_str("this ipcmark");
        }
        f.write_str(&self.words.join(OsStr::new(" ")).to_string_lossy())
    }
}

/// The words of a command line, quoted as in a shell, with nothing expanded.
fn split(text: &OsStr) -> Result<Vec<OsString>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<Vec<u8>>, None::<u8>);
    let mut bytes = text.as_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (byte, Some(open)) if byte == open => quote = None,
            (b'\\', None | Some(b'"')) => word.get_or_insert_default().extend(bytes.next()),
            (byte, Some(_)) => word.get_or_insert_default().push(byte),
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (byte, None) if byte.is_ascii_whitespace() => words.extend(word.take()),
            (byte, None) => word.get_or_insert_default().push(byte),
        }
    }
    if let Some(open) = quote {
        return Err(format!("`{}` has an open {}", text.display(), char::from(open)));
    }
    words.extend(word);
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

/// Where the program of this name is: workers get a cleared environment, so it is looked for here.
fn find(name: &OsStr, path: &OsStr) -> Result<OsString, String> {
    let shown = name.display();
    if name.as_bytes().contains(&b'/') {
        return if Path::new(name).is_file() { Ok(name.into()) } else { Err(format!("`{shown}` is no file")) };
    }
    let folders = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
    let found = folders.map(|folder| folder.join(name)).find(|candidate| candidate.is_file());
    let found = found.map(|file| file.into_os_string());
    found.ok_or_else(|| format!("there is no `{shown}` in PATH; a program of this folder is `./{shown}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Program, String> {
        Program::parse(OsStr::new(text))
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        let words = split(OsStr::new(r#"env X="a b" 'c d'\ e ./ipcmark ''"#)).unwrap();
        assert_eq!(words, ["env", "X=a b", "c d e", "./ipcmark", ""]);
        assert!(split(OsStr::new("env 'x")).unwrap_err().contains("open '"));
    }

    #[test]
    fn words_need_not_be_utf_8() {
        let words = split(OsStr::from_bytes(b"env X='\xff \xfe' ./\xff")).unwrap();
        assert_eq!(words, [b"env".as_slice(), b"X=\xff \xfe", b"./\xff"].map(OsStr::from_bytes));
    }

    #[test]
    fn assignments_in_front_are_given_to_env() {
        let program = parse("X=1 true").unwrap();
        assert!(program.to_string().ends_with("env X=1 true"), "{program}");
    }

    #[test]
    fn what_is_not_there_is_refused_with_its_name() {
        assert!(parse("no-such-program-anywhere").unwrap_err().contains("no-such-program-anywhere"));
        assert!(parse("./nowhere/ipcmark").unwrap_err().contains("is no file"));
        assert!(parse(" ").unwrap_err().contains("empty"));
    }
}
