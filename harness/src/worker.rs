//! The worker: a fresh process that opens one session and serves the front end's commands.
//!
//! It is the front end's own executable, started again with [`HIDDEN_COMMAND`] before anything else has run there: single-
//! threaded, with a clean address space and no copy-on-write heap. Standard input is the control channel. Whatever ends
//! the front end ends the worker (`PR_SET_PDEATHSIG`, `sys/front_end.rs`), and whatever ends the worker ends its peers.

use std::io;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, SockType, getsockopt, send, sockopt};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::Pid;

use crate::clock::Clock;
use crate::control::{
    self, Command, Failure, FailureKind, FailureText, MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_QUESTION, Reply,
};
use crate::histogram::Histogram;
use crate::oom;
use crate::output;
use crate::pauses::{self, Moment};
use crate::session::{Sample, Session};
use crate::sys::inherited::{self, Role};
use crate::sys::{front_end, memory, names, privileges, process, signals};

/// The first argument of a worker; the second is the process id of its front end, the third when that started, in clock ticks
/// since boot: `ipcmark clean` finds out by these whether the front end lives.
pub const HIDDEN_COMMAND: &str = "__worker";

/// Whether standard input is the control channel of a worker.
static HAS_CHANNEL: AtomicBool = AtomicBool::new(false);
/// The message of the last panic, with its place.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// The code a worker leaves with after it has said why.
const FAILED: i32 = 82;
/// How long a peer's death may lag behind the error it caused at the near end.
const GRACE: Duration = Duration::from_millis(100);

/// A session, or why there is none.
pub type Opened = Result<Box<dyn Session>, Failure>;

/// What a worker can do beyond serving a session.
#[derive(Copy, Clone, Debug)]
pub struct Trade {
    /// Opens the session that a specification describes; the clock is the one to time with.
    pub open: fn(&serde_json::Value, Clock) -> Opened,
    /// Answers a question.
    pub answer: fn(&serde_json::Value) -> Result<serde_json::Value, Failure>,
}

/// Becomes a worker, and never returns, when the arguments of this process say so; brings what was inherited in order
/// ([`inherited`]) in either case. The first call of `main`.
pub fn serve_if_asked(trade: Trade) {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != HIDDEN_COMMAND) {
        if let Err(why) = inherited::settle(Role::FrontEnd) {
            output::message(format_args!("error: {why}"));
            process::exit_now(1);
        }
        return;
    }
    let parent = args.next().and_then(|pid| pid.to_str()?.parse().ok()).map(Pid::from_raw);
    let Some(parent) = parent.filter(|_| has_channel()) else {
        output::message(format_args!(
            "error: {HIDDEN_COMMAND} is how this program starts its own workers; it is not for use by hand"
        ));
        process::exit_now(2);
    };
    HAS_CHANNEL.store(true, Ordering::Release);
    if let Err(why) = inherited::settle(Role::Worker).and_then(|()| prepare(parent).map_err(|why| why.to_string())) {
        fail(FailureText::new(FailureKind::Worker, format_args!("the worker cannot work: "), why.as_bytes()));
    }
    let served = serve(trade);
    front_end::leave(if served.is_ok() { 0 } else { FAILED });
}

/// Whether standard input is a socket of the channel's kind; a terminal, a file or a pipe is somebody trying it by hand.
fn has_channel() -> bool {
    match getsockopt(&io::stdin(), sockopt::SockType) {
        Ok(kind) => kind == SockType::SeqPacket,
        // What is no socket cannot be asked; neither can a socket where a sandbox refuses the call.
        Err(_) => {
            fstat(io::stdin()).is_ok_and(|it| SFlag::from_bits_truncate(it.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK)
        }
    }
}

fn prepare(parent: Pid) -> io::Result<()> {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = panic.to_string().replace('\n', " ");
        }
    }));
    signals::before_ending_by(&names::ENDINGS, names::leave)?;
    front_end::watch(parent);
    pauses::watch()?;
    oom::choose_this_process_first();
    // A sandbox that refuses even this has privileges well in hand.
    let _ = privileges::drop_unneeded();
    process::die_with(parent, names::PARENT_DEATH)
}

/// Serves commands until `Quit` or the end of the channel.
fn serve(trade: Trade) -> io::Result<()> {
    let channel = io::stdin();
    let mut buffer = vec![0; MAX_MESSAGE_BYTES];
    let mut session: Option<Box<dyn Session>> = None;
    while let Some(command) = control::take::<Command>(&channel.as_fd(), &mut buffer)? {
        match answer_caught(command, &mut session, trade) {
            Ok(Reply::Gone) => return control::put(&channel.as_fd(), &Reply::Gone),
            Ok(reply) => control::put(&channel.as_fd(), &reply)?,
            Err(failure) => {
                await_peer_death();
                control::put(&channel.as_fd(), &Reply::Failed(failure))?;
                // Not `drop(session)`: a peer may be stuck, and dies with this process anyway.
                exit_failed();
            }
        }
    }
    Ok(())
}

fn answer_caught(command: Command, session: &mut Option<Box<dyn Session>>, trade: Trade) -> Result<Reply, Failure> {
    let answer = std::panic::AssertUnwindSafe(|| answer(command, session, trade));
    std::panic::catch_unwind(answer)
        .unwrap_or_else(|_| Err(Failure::new(FailureKind::Worker, format!("the worker panicked: {}", last_panic()))))
}

fn answer(command: Command, session: &mut Option<Box<dyn Session>>, trade: Trade) -> Result<Reply, Failure> {
    match command {
        Command::Open { spec, clock, names, protocol } => {
            same_protocol(protocol)?;
            names::adopt(names);
            let opened = session.insert((trade.open)(&spec, clock)?);
            return Ok(Reply::Opened {
                offers_each: opened.offers_each(),
                each_wants_long_operations: opened.each_wants_long_operations(),
                window_ns: opened.wants_windows_of().map(|window| window.as_nanos() as u64),
                notes: opened.notes(),
                protocol: PROTOCOL,
            });
        }
        Command::Ask { question, names } => {
            names::adopt(names);
            if question == PROTOCOL_QUESTION {
                return Ok(Reply::Answer(PROTOCOL.into()));
            }
            let own = crate::doctor::probe::answer(&question);
            return Ok(Reply::Answer(own.unwrap_or_else(|| (trade.answer)(&question))?));
        }
        Command::Trim => {
            memory::trim();
            return Ok(Reply::Trimmed);
        }
        Command::Quit => {
            drop(session.take());
            return Ok(Reply::Gone);
        }
        _ => {}
    }
    let session = session.as_mut().ok_or_else(|| Failure::new(FailureKind::Worker, "a command came before `open`"))?;
    let start = Moment::now();
    match command {
        Command::Batch { iterations, lead_in } => {
            if lead_in > 0 {
                session.batch(lead_in)?;
            }
            Ok(sampled(session.batch(iterations)?, &start))
        }
        Command::Window { duration_ns } => Ok(sampled(session.window(Duration::from_nanos(duration_ns))?, &start)),
        Command::Verify { iterations, duration_ns } => {
            Ok(Reply::Verified(session.verify(iterations, Duration::from_nanos(duration_ns))?))
        }
        Command::Each { iterations } => {
            let mut latencies = Histogram::new();
            let sample = session.each(iterations, &mut latencies)?;
            Ok(Reply::Each { sample, histogram: latencies.to_base64(), paused: start.met_a_pause() })
        }
        Command::Open { .. } | Command::Ask { .. } | Command::Trim | Command::Quit => unreachable!("handled before"),
    }
}

/// A front end that is another program may speak another protocol.
fn same_protocol(theirs: u32) -> Result<(), Failure> {
    if theirs == PROTOCOL {
        return Ok(());
    }
    let why = format!("the front end speaks protocol {theirs} with its workers, and this program {PROTOCOL}");
    Err(Failure::new(FailureKind::Worker, format!("{why}: build both from revisions that have it in common")))
}

fn sampled(sample: Sample, start: &Moment) -> Reply {
    Reply::Sample { sample, paused: start.met_a_pause() }
}

/// A dying peer closes its descriptors before its parent hears of the death: so the near end may fail first, with a
/// reason that is only a consequence. Give the cause a moment to arrive; its signal handler ends the process.
fn await_peer_death() {
    crate::sys::sleep(GRACE);
    signals::look_at_children();
}

/// Sends `text` to the front end and leaves at once. Async-signal-safe, callable from any thread.
pub(crate) fn fail(text: FailureText) -> ! {
    if HAS_CHANNEL.load(Ordering::Acquire) {
        let _ = send(0, text.bytes(), MsgFlags::MSG_NOSIGNAL);
    }
    exit_failed()
}

/// The front end sweeps after a failure, if it is there still: a peer that was stopped may have died of its death.
fn exit_failed() -> ! {
    front_end::leave(FAILED)
}

/// Closes a forked peer's copy of the channel, so that the worker's end alone is its end.
pub(crate) fn leave_channel_to_parent() {
    if HAS_CHANNEL.swap(false, Ordering::AcqRel) {
        let _ = nix::unistd::close(0);
    }
}

/// Closes the copy of the channel that a peer process in this address space has: its descriptors are its own, the flag that
/// says what standard input is stays the worker's.
pub(crate) fn leave_channel_to_memory_mate() {
    if HAS_CHANNEL.load(Ordering::Acquire) {
        let _ = nix::unistd::close(0);
    }
}

/// What the last panic said, and where.
pub(crate) fn last_panic() -> String {
    LAST_PANIC.lock().map_or_else(|_| String::new(), |last| last.clone())
}
