//! The front end's side of a worker: start it, command it, bound every wait, and leave nothing behind.

mod executable;
mod program;
mod sentences;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{Pid, getpid};
use serde_json::Value;

use crate::clock::Clock;
use crate::control::{self, Command, Failure, FailureKind, MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_QUESTION, Reply};
use crate::histogram::Histogram;
use crate::machine::{self, Root, Scheduling};
use crate::oom::OomKills;
use crate::pauses::{self, Moment};
use crate::record::NearFar;
use crate::session::{Sample, Verified};
use crate::sys::names::Drawn;
use crate::sys::process::{self, kill_child};
use crate::sys::signals;
use crate::worker::HIDDEN_COMMAND;

pub use executable::Executable;
pub use program::Program;
use sentences::{advice, describe, out_of_turn};

/// The only variable that a launcher sets.
pub(crate) const PADDING: &str = "IPCMARK_PADDING";
/// Whoever stops a worker in so many samples in a row means it.
const MOST_PAUSES: u32 = 20;

/// How workers are started.
#[derive(Copy, Clone, Debug)]
pub struct Launcher {
    /// The clock that workers time with.
    pub clock: Clock,
    /// How long any answer may take beyond the time that its work takes.
    pub patience: Duration,
}

/// One live worker.
pub struct Worker {
    child: Child,
    control: OwnedFd,
    buffer: Vec<u8>,
    patience: Duration,
    names: Drawn,
    /// Before it was started.
    oom_kills: Option<OomKills>,
    ended: bool,
    /// Whether [`Worker::each`] may be asked for.
    pub offers_each: bool,
    /// Whether only where an operation is long against a clock reading.
    pub each_wants_long_operations: bool,
    /// The length of the windows to measure instead of batches.
    pub window_of: Option<Duration>,
    /// What the session says about its conditions.
    pub notes: Vec<String>,
    /// Samples that were discarded and taken again: a party was stopped meanwhile, or the machine suspended.
    pub discarded: u64,
}

impl Launcher {
    /// Starts a worker and opens the session that `spec` describes.
    ///
    /// `padding` bytes are added to its environment: the environment's size shifts the stack, which has changed results
    /// (Mytkowicz et al., Producing Wrong Data Without Doing Anything Obviously Wrong, ASPLOS 2009); launches draw it at random.
    pub fn open(&self, spec: &Value, padding: usize) -> Result<Worker, Failure> {
        self.open_from(&Program::this(), spec, padding)
    }

    /// The same in a worker that is another program: it must speak this one's [`PROTOCOL`] and know the cell.
    pub fn open_from(&self, program: &Program, spec: &Value, padding: usize) -> Result<Worker, Failure> {
        let mut worker = self.started(program, padding)?;
        let (spec, names) = (spec.clone(), worker.names.clone());
        let command = Command::Open { spec, clock: self.clock, names, protocol: PROTOCOL };
        let opened = worker.ask_first(&command, program).and_then(|reply| worker.note_opened(reply));
        let opened = opened.and_then(|()| program.check_executable(worker.pid()));
        opened.map_err(|failure| program.explain(failure))?;
        Ok(worker)
    }

    /// Fails with a sentence if `program` is no ipcmark that speaks this one's [`PROTOCOL`].
    pub fn check(&self, program: &Program) -> Result<(), Failure> {
        let mut worker = self.started(program, 0)?;
        let command = Command::Ask { question: Value::from(PROTOCOL_QUESTION), names: worker.names.clone() };
        let checked = match worker.ask_first(&command, program) {
            // Earlier programs answer another question.
            Ok(Reply::Answer(answer)) => same_protocol(answer.as_u64().unwrap_or(0) as u32),
            Ok(other) => Err(out_of_turn(&other)),
            Err(failure) => Err(failure),
        };
        program.note_executable(worker.pid());
        checked.and_then(|()| worker.quit()).map_err(|failure| program.explain(failure))
    }

    /// Asks a worker of its own a question, so that whatever trying it does to a process is not done to this one.
    pub fn ask(&self, question: &Value) -> Result<Value, Failure> {
        let mut worker = self.started(&Program::this(), 0)?;
        let command = Command::Ask { question: question.clone(), names: worker.names.clone() };
        let answer = match worker.ask(&command, Duration::ZERO)? {
            Reply::Answer(answer) => answer,
            other => return Err(out_of_turn(&other)),
        };
        worker.quit().map(|()| answer)
    }

    fn started(&self, program: &Program, padding: usize) -> Result<Worker, Failure> {
        self.start(program, padding).map_err(|error| {
            let advice = advice(&error, program);
            let why = format!("a worker process could not be started: {error}{advice}");
            program.explain(Failure::new(FailureKind::Worker, why))
        })
    }

    fn start(&self, program: &Program, padding: usize) -> io::Result<Worker> {
        pauses::watch()?;
        let oom_kills = OomKills::so_far(&Root::new("/"));
        let (control, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let child = program
            .command()
            .arg(HIDDEN_COMMAND)
            .arg(getpid().to_string())
            .arg(process::stat(getpid().as_raw()).map_or_else(|_| String::new(), |own| own.start_ticks.to_string()))
            .env(PADDING, "x".repeat(padding))
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // Its own group: a Ctrl-C at the terminal is for the front end, and a kill reaches the peers too.
            .process_group(0)
            .spawn()?;
        let buffer = vec![0; MAX_MESSAGE_BYTES];
        let (patience, names) = (self.patience, Drawn::draw());
        Ok(Worker {
            child,
            control,
            buffer,
            patience,
            names,
            oom_kills,
            ended: false,
            offers_each: false,
            each_wants_long_operations: true,
            window_of: None,
            notes: Vec::new(),
            discarded: 0,
        })
    }
}

impl Worker {
    /// Times `iterations` operations together; `expected` is how long that should take.
    pub fn batch(&mut self, iterations: u64, expected: Duration) -> Result<Sample, Failure> {
        self.batch_after(0, iterations, expected)
    }

    /// The same after `lead_in` operations that are not timed; `expected` covers both.
    pub fn batch_after(&mut self, lead_in: u64, iterations: u64, expected: Duration) -> Result<Sample, Failure> {
        self.sample(&Command::Batch { iterations, lead_in }, expected)
    }

    /// Works for `duration` and counts.
    pub fn window(&mut self, duration: Duration) -> Result<Sample, Failure> {
        self.sample(&Command::Window { duration_ns: duration.as_nanos() as u64 }, duration)
    }

    /// Times each of `iterations` operations.
    pub fn each(&mut self, iterations: u64, expected: Duration) -> Result<(Sample, Histogram), Failure> {
        match self.ask_unpaused(&Command::Each { iterations }, expected)? {
            Reply::Each { sample, histogram, .. } => match Histogram::from_base64(&histogram) {
                Ok(histogram) => Ok((sample, histogram)),
                Err(error) => Err(Failure::new(FailureKind::Worker, format!("the worker's histogram: {error}"))),
            },
            other => Err(out_of_turn(&other)),
        }
    }

    /// Checks every byte of up to `iterations` operations, for at most `duration`.
    pub fn verify(&mut self, iterations: u64, duration: Duration) -> Result<Verified, Failure> {
        let command = Command::Verify { iterations, duration_ns: duration.as_nanos() as u64 };
        match self.ask(&command, duration)? {
            Reply::Verified(verified) => Ok(verified),
            other => Err(out_of_turn(&other)),
        }
    }

    /// What the worker's allocator keeps in store goes back to the kernel: what the worker holds then is in use.
    pub fn trim(&mut self) -> Result<(), Failure> {
        match self.ask(&Command::Trim, Duration::ZERO)? {
            Reply::Trimmed => Ok(()),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Ends the session in good order: peers told, objects gone, processes reaped.
    pub fn quit(mut self) -> Result<(), Failure> {
        self.ask(&Command::Quit, Duration::ZERO)?;
        // The channel ends when the process does: a worker that is stopped on its last few steps holds nobody up.
        self.await_answer(self.patience)?;
        let failure = match self.child.wait() {
            Ok(status) if status.success() => {
                self.ended = true;
                return Ok(());
            }
            Ok(status) => format!("the worker {} after its work", describe(status)),
            Err(error) => format!("waiting for the worker: {error}"),
        };
        Err(self.explained(Failure::new(FailureKind::Worker, failure)))
    }

    /// How its parties are scheduled now; none where /proc does not tell.
    pub fn scheduling(&self) -> Option<NearFar<Vec<Scheduling>>> {
        machine::parties(&Root::new("/"), self.pid()).ok()
    }

    /// The worker's process id, for tests that do it harm.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn note_opened(&mut self, reply: Reply) -> Result<(), Failure> {
        let Reply::Opened { offers_each, each_wants_long_operations, window_ns, notes, protocol } = reply else {
            return Err(out_of_turn(&reply));
        };
        same_protocol(protocol)?;
        self.offers_each = offers_each;
        self.each_wants_long_operations = each_wants_long_operations;
        self.window_of = window_ns.map(Duration::from_nanos);
        self.notes = notes;
        Ok(())
    }

    /// As [`Worker::ask`]; what does not answer at all may be no worker.
    fn ask_first(&mut self, command: &Command, program: &Program) -> Result<Reply, Failure> {
        match self.put(command).and_then(|()| self.answer(Duration::ZERO)) {
            Ok(Reply::Failed(failure)) => Err(self.explained(failure)),
            Ok(reply) => Ok(reply),
            Err(failure) => Err(self.explained(program.no_answer(failure))),
        }
    }

    fn sample(&mut self, command: &Command, expected: Duration) -> Result<Sample, Failure> {
        match self.ask_unpaused(command, expected)? {
            Reply::Sample { sample, .. } => Ok(sample),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Asks again after a pause: what was measured across one is no measurement.
    fn ask_unpaused(&mut self, command: &Command, expected: Duration) -> Result<Reply, Failure> {
        for _ in 0..MOST_PAUSES {
            match self.ask(command, expected)? {
                Reply::Sample { paused: true, .. } | Reply::Each { paused: true, .. } => self.discarded += 1,
                reply => return Ok(reply),
            }
        }
        let why = format!("{MOST_PAUSES} samples in a row were discarded: in each the worker or a peer was stopped");
        Err(Failure::new(FailureKind::Worker, why))
    }

    fn ask(&mut self, command: &Command, expected: Duration) -> Result<Reply, Failure> {
        match self.put(command).and_then(|()| self.answer(expected)) {
            Ok(Reply::Failed(failure)) | Err(failure) => Err(self.explained(failure)),
            Ok(reply) => Ok(reply),
        }
    }

    /// Where the worker has died, `answer` finds out how; no answer to what was not sent is waited for.
    fn put(&self, command: &Command) -> Result<(), Failure> {
        match control::put(&self.control, command) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Err(Failure::new(FailureKind::Worker, format!("a command to the worker: sendto: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// A failure beside which the OOM killer was at work says so: whom it kills says nothing.
    fn explained(&self, mut failure: Failure) -> Failure {
        if let Some(why) = self.oom_kills.as_ref().and_then(|before| before.since(&Root::new("/"))) {
            failure.reason = format!("{}; {why}", failure.reason);
        }
        failure
    }

    fn answer(&mut self, expected: Duration) -> Result<Reply, Failure> {
        self.await_answer(expected * 4 + self.patience)?;
        match control::take::<Reply>(&self.control, &mut self.buffer) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(self.death()),
            Err(error) => Err(Failure::new(FailureKind::Worker, format!("the worker's answer: {error}"))),
        }
    }

    /// Sleeps until there is something to read, within `allowed`; anew after a pause of this process, in which the worker
    /// may have been stopped as well.
    fn await_answer(&self, allowed: Duration) -> Result<(), Failure> {
        let (mut start, mut deadline) = (Moment::now(), Instant::now() + allowed);
        loop {
            if start.met_a_pause() {
                (start, deadline) = (Moment::now(), Instant::now() + allowed);
            }
            if let Some(signal) = signals::interruption() {
                return Err(Failure::new(FailureKind::Interrupted, format!("interrupted by signal {signal}")));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_millis().min(60_000)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.control.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) if left.is_zero() => {
                    let why = format!(
                        "no answer within {:.1} s: the worker or a peer hangs; it was ended",
                        allowed.as_secs_f64()
                    );
                    return Err(Failure::new(FailureKind::Deadline, why));
                }
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => return Ok(()),
                Err(errno) => {
                    return Err(Failure::new(FailureKind::Worker, format!("poll on the control channel: {errno}")));
                }
            }
        }
    }

    /// How the worker ended, once its channel has.
    fn death(&mut self) -> Failure {
        let deadline = Instant::now() + self.patience;
        let reason = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break describe(status),
                Ok(None) if Instant::now() < deadline => crate::sys::sleep(Duration::from_millis(1)),
                Ok(None) => break "closed its channel and did not end; it was killed".to_owned(),
                Err(error) => break format!("ended in a way that cannot be told: {error}"),
            }
        };
        Failure::new(FailureKind::Worker, format!("the worker {reason}"))
    }
}

impl Drop for Worker {
    /// Kills what is left of the worker and its peers, reaps it, and removes what it may have left by name.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        // Its peers die with it. Where a sandbox refuses every kill it is not waited for: it dies with this process.
        let killed = self.child.kill().is_ok() || kill_child(Pid::from_raw(self.child.id() as i32));
        if killed {
            let _ = self.child.wait();
        }
        self.names.sweep();
    }
}

/// A worker that is another program may speak another protocol.
fn same_protocol(theirs: u32) -> Result<(), Failure> {
    if theirs == PROTOCOL {
        return Ok(());
    }
    let why = format!("it speaks protocol {theirs} with its front end, and this program {PROTOCOL}");
    Err(Failure::new(FailureKind::Worker, format!("{why}: build both from revisions that have it in common")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_protocol_is_refused_with_both_numbers() {
        assert!(same_protocol(PROTOCOL).is_ok());
        let failure = same_protocol(0).unwrap_err();
        assert!(failure.reason.contains("protocol 0") && failure.reason.contains(&PROTOCOL.to_string()), "{failure}");
    }
}
