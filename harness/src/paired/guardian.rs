//! The process that runs the commands of a setting, and undoes it when this process is gone.
//!
//! A shell in a session of its own, which ignores SIGINT, SIGTERM and SIGHUP. It reads requests from a socket, one a line, and
//! answers with the exit status of the command. At the end of the socket, which comes when this process closes it or is killed, the
//! shell finishes the command under way and undoes what was applied: an apply that outlives this process cannot overtake the
//! undo. Without a controlling terminal no command can stop the session by asking for a password there (SIGTTIN, SIGTTOU).

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};

use crate::sys::process::{kill_session, spawn_in_own_session};
use crate::sys::signals;

/// `$1` applies, `$2` undoes, `$3` says whether it is applied. The commands' output goes to standard error: standard output is
/// results.
const SCRIPT: &str = r#"
trap '' INT TERM HUP PIPE
applied=$3
while read -r name request; do
    case $name in
    apply) applied=1; sh -c "$1" </dev/null >&2; echo $request $? ;;
    undo) sh -c "$2" </dev/null >&2; status=$?; [ $status != 0 ] || applied=; echo $request $status ;;
    esac
done
[ -z "$applied" ] || sh -c "$2" </dev/null >&2
"#;

/// How often interruptions are looked for while a command runs.
const POLL_MS: u16 = 100;
/// How long the shell may take to answer when its command has been killed.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// The command that changes the setting.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Apply,
    Undo,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Change::Apply => "apply",
            Change::Undo => "undo",
        }
    }

    /// As it is given on the command line.
    pub(super) fn option(self) -> &'static str {
        match self {
            Change::Apply => "--apply",
            Change::Undo => "--undo",
        }
    }
}

/// Why a command has no exit status.
#[derive(Debug)]
pub(super) enum NoStatus {
    /// The shell has ended, by no doing of this process.
    Lost,
    /// A signal came; the command was killed.
    Interrupted(i32),
    /// It took too long, and was killed.
    Hung,
    /// It was to be killed and goes on.
    Unkillable,
    /// Sending to the shell or waiting for it failed.
    Io(io::Error),
}

/// The shell, until [`Guardian::end`].
#[derive(Debug)]
pub(super) struct Guardian {
    shell: Child,
    /// Closed to end the shell.
    socket: Option<UnixStream>,
    /// The number of the last request.
    request: u32,
}

impl Guardian {
    /// Starts it; where the setting is `applied` already, it is undone at the end.
    pub(super) fn start(apply: &OsStr, undo: &OsStr, applied: bool) -> io::Result<Guardian> {
        let (socket, theirs) = UnixStream::pair()?;
        let applied = if applied { "1" } else { "" };
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "ipcmark-guardian"])
            .args([apply, undo, OsStr::new(applied)])
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(Stdio::from(OwnedFd::from(theirs)));
        Ok(Guardian { shell: spawn_in_own_session(&mut command)?, socket: Some(socket), request: 0 })
    }

    /// The exit status of the command, which may take `limit`. An apply ends at an interruption; an undo is finished.
    pub(super) fn run(&mut self, change: Change, limit: Duration) -> Result<i32, NoStatus> {
        self.request += 1;
        self.send(&format!("{} {}\n", change.name(), self.request))?;
        match self.answer(limit, change == Change::Apply) {
            Err(NoStatus::Interrupted(_) | NoStatus::Hung) if !self.kill_command() => Err(NoStatus::Unkillable),
            // A command that outlives the shell would overtake the undo.
            Err(NoStatus::Lost) if !kill_session(self.pid()) => Err(NoStatus::Unkillable),
            answer => answer,
        }
    }

    /// Not by write(2): its SIGPIPE would end this process where the shell has been killed, with the setting applied.
    fn send(&self, line: &str) -> Result<(), NoStatus> {
        let socket = self.socket.as_ref().ok_or(NoStatus::Lost)?;
        match send(socket.as_raw_fd(), line.as_bytes(), MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(Errno::EPIPE | Errno::ECONNRESET) => Err(NoStatus::Lost),
            Err(errno) => Err(NoStatus::Io(errno.into())),
        }
    }

    /// Whether the command has ended, and the shell waits for the next.
    fn kill_command(&self) -> bool {
        kill_session(self.pid());
        self.answer(AFTER_KILL, false).is_ok()
    }

    /// The status that answers the last request; those of earlier ones, which were given up, are passed over.
    fn answer(&self, limit: Duration, interruptible: bool) -> Result<i32, NoStatus> {
        let mut socket = self.socket.as_ref().ok_or(NoStatus::Lost)?;
        let (deadline, mut line) = (Instant::now() + limit, Vec::new());
        loop {
            if let Some(signal) = signals::interruption().filter(|_| interruptible) {
                return Err(NoStatus::Interrupted(signal));
            }
            if Instant::now() > deadline {
                return Err(NoStatus::Hung);
            }
            if !readable(socket)? {
                continue;
            }
            let mut byte = [0];
            match socket.read(&mut byte) {
                Ok(0) => return Err(NoStatus::Lost),
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(NoStatus::Lost),
                Err(error) => return Err(NoStatus::Io(error)),
            }
            if byte == *b"\n" {
                if let Some(status) = status_of(&line, self.request) {
                    return Ok(status);
                }
                line.clear();
            }
        }
    }

    /// Has the shell undo what is still applied, and waits for its end; what takes longer than `limit` is killed.
    pub(super) fn end(&mut self, limit: Duration) {
        drop(self.socket.take());
        if !self.ends_within(limit) {
            kill_session(self.pid());
            self.ends_within(AFTER_KILL);
        }
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while let Ok(None) = self.shell.try_wait() {
            if Instant::now() > deadline {
                return false;
            }
            crate::sys::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Whether it has not been told to end.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// The shell's process, which is the first of its session.
    pub(super) fn pid(&self) -> i32 {
        self.shell.id() as i32
    }
}

/// Whether there is something to read, or the end, after [`POLL_MS`] at most.
fn readable(socket: &UnixStream) -> Result<bool, NoStatus> {
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::from(POLL_MS)) {
        Ok(0) | Err(Errno::EINTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(errno) => Err(NoStatus::Io(errno.into())),
    }
}

/// The status in a line, if it answers `request`.
fn status_of(line: &[u8], request: u32) -> Option<i32> {
    let (answered, status) = std::str::from_utf8(line).ok()?.trim().split_once(' ')?;
    if answered.parse() == Ok(request) { status.parse().ok() } else { None }
}
