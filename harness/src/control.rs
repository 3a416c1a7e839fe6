//! What front end and worker say to each other, one JSON message a datagram.
//!
//! The channel is a `SOCK_SEQPACKET` socketpair: messages are whole or absent, so a signal handler may send one while the
//! main thread is sending another; and the end of either process is the end of the channel.

use std::fmt::Write as _;
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{MsgFlags, recv, send};
use serde::{Deserialize, Serialize};

use crate::session::{Sample, Verified};
use crate::sys::names::Drawn;

/// The largest message either side sends: below the default socket buffer of 212,992 bytes (net.core.wmem_default).
pub const MAX_MESSAGE_BYTES: usize = 160 * 1024;

/// What front end and worker must have in common. It changes with every change of these messages that one side alone would
/// misread; 0 stands for programs from before it was sent.
pub const PROTOCOL: u32 = 1;

/// What is asked to be told it.
pub(crate) const PROTOCOL_QUESTION: &str = "protocol";

/// What the front end asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Open the session that `spec` describes. Always first, and once.
    Open {
        /// Whatever the caller's `open` understands.
        spec: serde_json::Value,
        /// The clock to read.
        clock: crate::clock::Clock,
        /// What it may give kernel objects for names.
        names: Drawn,
        /// The front end's [`PROTOCOL`].
        #[serde(default)]
        protocol: u32,
    },
    /// Answer a question that should not be tried in the front end itself, such as what the kernel supports.
    Ask {
        /// Whatever the caller's `answer` understands.
        question: serde_json::Value,
        /// What it may give kernel objects for names.
        names: Drawn,
    },
    /// Time `iterations` operations together.
    Batch {
        /// How many.
        iterations: u64,
        /// So many before them that are not timed, to have caches and predictors back after another worker has run.
        #[serde(default)]
        lead_in: u64,
    },
    /// Time each of `iterations` operations.
    Each {
        /// How many.
        iterations: u64,
    },
    /// Work for a fixed time and count.
    Window {
        /// For how long, in nanoseconds.
        duration_ns: u64,
    },
    /// Check every byte of up to `iterations` operations, within `duration_ns`.
    Verify {
        /// At most so many operations.
        iterations: u64,
        /// And at most so long, in nanoseconds.
        duration_ns: u64,
    },
    /// Give the kernel back what the allocator keeps in store, so that the memory that is held is in use.
    Trim,
    /// End the peers and leave.
    Quit,
}

/// What the worker answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The session is open, all parties are pinned and wait at the gate.
    Opened {
        /// Whether `Each` may be asked for.
        offers_each: bool,
        /// Whether only where an operation is long against a clock reading.
        each_wants_long_operations: bool,
        /// The length of the windows to measure instead of batches, in nanoseconds.
        window_ns: Option<u64>,
        /// What the caller should know about the conditions, e.g. buffers that could not be locked.
        notes: Vec<String>,
        /// The worker's [`PROTOCOL`].
        #[serde(default)]
        protocol: u32,
    },
    /// To `Ask`.
    Answer(serde_json::Value),
    /// To `Batch` and `Window`.
    Sample {
        /// What was measured.
        sample: Sample,
        /// Whether a party was stopped meanwhile, or the machine suspended.
        paused: bool,
    },
    /// To `Each`.
    Each {
        /// The span of all operations, clock readings included.
        sample: Sample,
        /// Their latencies: HdrHistogram V2 deflate, base64.
        histogram: String,
        /// As in `Sample`.
        paused: bool,
    },
    /// To `Verify`.
    Verified(Verified),
    /// To `Trim`.
    Trimmed,
    /// To `Quit`: everything is torn down.
    Gone,
    /// To anything: the worker leaves after this.
    Failed(Failure),
}

/// Why a cell has no number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// Whose failure it is.
    pub kind: FailureKind,
    /// One sentence: what, which value, what to do.
    pub reason: String,
}

/// Whose failure it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum FailureKind {
    /// A call of the mechanism failed.
    Mechanism = 0,
    /// What arrived is not what was sent.
    Verification = 1,
    /// A peer died.
    Peer = 2,
    /// The worker died, or could not be started.
    Worker = 3,
    /// No answer within the time allowed.
    Deadline = 4,
    /// The user asked us to stop.
    Interrupted = 5,
    /// A count of the cell's own differs as other work on the machine makes it differ: nothing is wrong, and there is no number.
    Disturbed = 6,
}

impl FailureKind {
    pub(crate) fn from_word(word: u32) -> FailureKind {
        use FailureKind::*;
        [Mechanism, Verification, Peer, Worker, Deadline, Interrupted, Disturbed]
            .into_iter()
            .find(|&k| k as u32 == word)
            .unwrap_or(Peer)
    }

    /// As it is spelt on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            FailureKind::Mechanism => "mechanism",
            FailureKind::Verification => "verification",
            FailureKind::Peer => "peer",
            FailureKind::Worker => "worker",
            FailureKind::Deadline => "deadline",
            FailureKind::Interrupted => "interrupted",
            FailureKind::Disturbed => "disturbed",
        }
    }
}

impl Failure {
    /// A failure of `kind` for `reason`.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Failure {
        Failure { kind, reason: reason.into() }
    }
}

/// Content that is not what was sent: an `io::Error` carries it up to where it becomes a [`Failure`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

impl Mismatch {
    /// As an `io::Error`, out of line so that the measured loop stays small.
    #[cold]
    pub fn error(what: String) -> io::Error {
        io::Error::other(Mismatch(what))
    }
}

/// A count that other work on the machine may have changed: an `io::Error` carries it up to where it becomes a [`Failure`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Disturbance(pub String);

impl Disturbance {
    /// As an `io::Error`; says which count differed from which.
    #[cold]
    pub fn error(what: String) -> io::Error {
        io::Error::other(Disturbance(what))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let kind = match error.get_ref() {
            Some(inner) if inner.is::<Mismatch>() => FailureKind::Verification,
            Some(inner) if inner.is::<Disturbance>() => FailureKind::Disturbed,
            _ => FailureKind::Mechanism,
        };
        Failure::new(kind, with_limit(error.to_string()))
    }
}

/// A reason, and where it says no more than that too many files are open: how many may be, and how to move that.
pub fn with_limit(reason: String) -> String {
    if !reason.contains(Errno::EMFILE.desc()) {
        return reason;
    }
    let allowed = getrlimit(Resource::RLIMIT_NOFILE).map_or_else(|_| "too few".into(), |(soft, _)| soft.to_string());
    format!("{reason}; RLIMIT_NOFILE allows {allowed} open files, raise it with `ulimit -n`")
}

/// Sends one message.
pub(crate) fn put<M: Serialize>(channel: &impl AsRawFd, message: &M) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    if text.len() > MAX_MESSAGE_BYTES {
        let why = format!("a control message of {} bytes exceeds {MAX_MESSAGE_BYTES}", text.len());
        return Err(io::Error::other(why));
    }
    // MSG_NOSIGNAL: a dead other end is an error to report, not a signal to die of.
    send(channel.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL)?;
    Ok(())
}

/// Receives one message; none at the end of the channel. Retries when a signal interrupts, and after a reset.
pub(crate) fn take<M: for<'de> Deserialize<'de>>(channel: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Option<M>> {
    loop {
        match recv(channel.as_raw_fd(), buffer, MsgFlags::empty()) {
            Ok(0) => return Ok(None),
            Ok(len) => return Ok(Some(serde_json::from_slice(&buffer[..len])?)),
            // A reset is told once, and before what came ahead of it: the other end's last words may follow (unix(7)).
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::ECONNRESET) => continue,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The text of a `Reply::Failed`, written without allocating: it is sent from a signal handler.
pub(crate) struct FailureText {
    bytes: [u8; 1024],
    len: usize,
}

impl FailureText {
    /// `reason` is `intro` followed by `words`, in which anything but plain ASCII becomes `?`.
    pub(crate) fn new(kind: FailureKind, intro: std::fmt::Arguments<'_>, words: &[u8]) -> FailureText {
        let mut text = FailureText { bytes: [0; 1024], len: 0 };
        // Writing to a fixed buffer fails only when it is full: the text is cut, its end is not.
        let _ = write!(text, r#"{{"failed":{{"kind":"{}","reason":"{intro}"#, kind.name());
        for &byte in words {
            let plain = (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\');
            let _ = text.write_char(if plain { byte as char } else { '?' });
        }
        text.close();
        text
    }

    fn close(&mut self) {
        const END: &[u8] = br#""}}"#;
        self.bytes[self.len..self.len + END.len()].copy_from_slice(END);
        self.len += END.len();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Write for FailureText {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        let room = self.bytes.len() - 8 - self.len;
        let part = &s.as_bytes()[..s.len().min(room)];
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
        if part.len() == s.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    /// Who leaves with a command unread resets the channel.
    #[test]
    fn last_words_are_heard_of_an_end_that_left_without_reading() {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        put(&ours, &Command::Quit).unwrap();
        put(&theirs, &Reply::Gone).unwrap();
        drop(theirs);
        let mut buffer = vec![0; MAX_MESSAGE_BYTES];
        assert!(matches!(take::<Reply>(&ours, &mut buffer), Ok(Some(Reply::Gone))));
        assert!(matches!(take::<Reply>(&ours, &mut buffer), Ok(None)));
    }

    #[test]
    fn a_failure_text_is_the_reply_it_stands_for() {
        let text =
            FailureText::new(FailureKind::Peer, format_args!("the peer left with code {}: ", 3), b"said \"no\"\n");
        let Reply::Failed(failure) = serde_json::from_slice(text.bytes()).unwrap() else { panic!("not a failure") };
        assert_eq!(failure, Failure::new(FailureKind::Peer, "the peer left with code 3: said ?no??"));
    }

    #[test]
    fn an_overlong_failure_text_is_cut_and_stays_valid() {
        let text = FailureText::new(FailureKind::Peer, format_args!("so "), &[b'x'; 5000]);
        assert!(serde_json::from_slice::<Reply>(text.bytes()).is_ok());
    }

    #[test]
    fn a_mismatch_is_a_failed_verification_and_a_disturbance_none_and_any_other_error_the_mechanisms() {
        assert_eq!(Failure::from(Disturbance::error("x".into())).kind, FailureKind::Disturbed);
        assert_eq!(Failure::from(Mismatch::error("x".into())).kind, FailureKind::Verification);
        assert_eq!(Failure::from(io::Error::other("x")).kind, FailureKind::Mechanism);
    }

    #[test]
    fn failure_kinds_survive_their_word() {
        for kind in [FailureKind::Deadline, FailureKind::Disturbed] {
            assert_eq!(FailureKind::from_word(kind as u32), kind);
        }
    }
}
