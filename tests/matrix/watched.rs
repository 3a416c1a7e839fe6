//! A run of which every worker is held wherever it turns to its control channel: seccomp(2) with a listener.
//!
//! A worker's channel is its standard input. The filter notifies of recvfrom(2) and sendto(2) on descriptor 0, and of nothing
//! else: so a worker that wants its next command, or has an answer to one, waits until it is let go, and which command that is
//! is seen by peeking at a duplicate of the channel (pidfd_getfd(2)). What is struck in between meets exactly the phase that
//! is meant, on the program as it is built for everybody: there is no hook in it.
#![allow(unsafe_code)] // seccomp(2) and ioctl(2)

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ipcmark_harness::sys::pidfd::{pidfd_getfd, pidfd_open};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::Pid;
use serde_json::Value;

use crate::common::{DEADLINE, Ended, Live};
use crate::live_run::{Place, parent};

/// What a worker is at.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// It runs, and has not taken the command to open.
    Start,
    Open,
    /// The session is open, all parties wait, and the first order has not come.
    Gate,
    Verify,
    /// The warm-up.
    Window,
    /// What the figure is made of: batches, or windows where parties contend.
    Batch,
    Each,
    Close,
}

/// A launch under way.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) worker: i32,
    /// The workload and the mechanism.
    pub(crate) cell: (String, String),
    /// The command that was taken last.
    pub(crate) doing: Phase,
    windows: u32,
}

/// Who does harm, and is told where each worker stands.
pub(crate) trait Hand {
    /// The worker is held before it takes the command `next`.
    fn before(&mut self, _launch: &Launch, _next: Phase) {}
    /// It has been let go to do that.
    fn taken(&mut self, _launch: &Launch) {}
    /// It is held before it answers.
    fn answering(&mut self, _launch: &Launch) {}
    /// When to be called next, whatever happens.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// It is that time.
    fn act(&mut self, _runner: i32, _launch: Option<&Launch>) {}
    /// The run has been started.
    fn started(&mut self, _runner: i32) {}
}

/// How a run ended, and the workers that it had.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) ended: Ended,
    workers: BTreeSet<i32>,
}

impl Watched {
    /// Asserts that nothing is left of it. Other runs on this machine, which may be killed together with their workers, leave
    /// names too: those under a lease that no worker of this run held are theirs.
    pub(crate) fn assert_nothing_left(&self, place: &Place) {
        let owner = |lease: &Path| {
            let link = std::fs::read_link(lease.join("owner")).ok()?;
            let line = link.to_str()?;
            Some((line.split(' ').next()?.parse::<i32>().ok()?, line.rsplit(' ').next()?.to_owned()))
        };
        place.assert_nothing_left_but(|name| {
            let leases = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten().map(|entry| entry.path());
            let others = leases.filter_map(|lease| Some((owner(&lease)?, lease)));
            others
                .filter(|((process, _), _)| !self.workers.contains(process))
                .any(|((_, token), lease)| lease == name || name.to_string_lossy().contains(&token))
        });
    }
}

/// Runs `command` to its end, and until the last of all processes that it started has ended.
///
/// # Panics
/// When that takes longer than `DEADLINE`: who is still there has the filter.
pub(crate) fn watch(command: Command, hand: &mut dyn Hand) -> Watched {
    // A filter belongs to the thread that installs it and to what that starts: this one ends at once.
    let start = std::thread::spawn(move || {
        let listener = install().expect("seccomp(2) with a listener");
        (listener, Live::start(command).expect("the program"))
    });
    let (listener, live) = start.join().unwrap();
    let mut watch = Watch { listener, runner: live.pid(), launch: None, wanting: None, workers: HashMap::new() };
    hand.started(watch.runner);
    let deadline = Instant::now() + DEADLINE;
    while watch.wait(hand) {
        assert!(Instant::now() < deadline, "a process hangs: {:?}", watch.launch);
    }
    let workers = watch.workers.iter().filter(|(_, is_worker)| **is_worker).map(|(pid, _)| *pid as i32).collect();
    Watched { ended: live.end(), workers }
}

struct Watch {
    listener: OwnedFd,
    runner: i32,
    launch: Option<Launch>,
    /// The worker that wants a command which has not come yet, and a duplicate of its channel.
    wanting: Option<(libc::seccomp_notif, OwnedFd)>,
    /// Whether it is one, of every process that has turned to descriptor 0.
    workers: HashMap<u32, bool>,
}

impl Watch {
    /// Handles what happens next, within a moment; false: no process is left that has the filter.
    fn wait(&mut self, hand: &mut dyn Hand) -> bool {
        let due = hand.due();
        let left = due.map_or(LOOK_AGAIN, |due| due.saturating_duration_since(Instant::now()).min(LOOK_AGAIN));
        let timeout = PollTimeout::try_from(left).unwrap();
        let channel = self.wanting.as_ref().map(|(_, channel)| PollFd::new(channel.as_fd(), PollFlags::POLLIN));
        let listener = PollFd::new(self.listener.as_fd(), PollFlags::POLLIN);
        let mut polled: Vec<PollFd<'_>> = std::iter::once(listener).chain(channel).collect();
        let _ = poll(&mut polled, timeout);
        let found = |at: usize| polled.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let (notified, commanded) = (found(0), !found(1).is_empty());
        if due.is_some_and(|due| Instant::now() >= due) {
            hand.act(self.runner, self.launch.as_ref());
        }
        if let Some((call, channel)) = self.wanting.take() {
            if commanded {
                self.command(hand, &call, peek(&channel));
            } else if self.is_held(call.id) {
                self.wanting = Some((call, channel));
            }
        }
        if notified.contains(PollFlags::POLLIN) {
            self.handle(hand);
        }
        !notified.contains(PollFlags::POLLHUP)
    }

    fn handle(&mut self, hand: &mut dyn Hand) {
        // SAFETY: all of it are integers.
        let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes one notification, to a live one that is zero as it wants it.
        if unsafe { libc::ioctl(self.listener.as_raw_fd(), RECEIVE, &raw mut call) } != 0 {
            return; // whoever called has been interrupted, or killed
        }
        let runner = self.runner;
        // A peer has closed the channel, and its descriptor 0 may be anything.
        let is_worker = self.workers.entry(call.pid).or_insert_with(|| parent(call.pid as i32) == Some(runner));
        if !*is_worker {
            self.let_go(call.id);
        } else if i64::from(call.data.nr) == libc::SYS_recvfrom {
            match channel_of(call.pid as i32) {
                Some(channel) => self.wanting = Some((call, channel)),
                None => _ = self.let_go(call.id),
            }
        } else {
            self.launch.iter().for_each(|launch| hand.answering(launch));
            self.let_go(call.id);
        }
    }

    fn command(&mut self, hand: &mut dyn Hand, call: &libc::seccomp_notif, message: Option<Value>) {
        let Some((next, mut launch)) = message.and_then(|message| self.next(call.pid as i32, &message)) else {
            self.let_go(call.id);
            return;
        };
        hand.before(&launch, next);
        if self.let_go(call.id) {
            launch.doing = next;
            hand.taken(&launch);
            self.launch = Some(launch);
        }
    }

    /// Which phase the command begins, and of which launch; none for what is no launch.
    fn next(&self, worker: i32, message: &Value) -> Option<(Phase, Launch)> {
        if let Some(spec) = message.pointer("/open/spec") {
            let word = |key: &str| spec[key].as_str().unwrap_or_default().to_owned();
            let cell = (word("workload"), word("mechanism"));
            return Some((Phase::Open, Launch { worker, cell, doing: Phase::Start, windows: 0 }));
        }
        let mut launch = self.launch.clone().filter(|launch| launch.worker == worker)?;
        let name = message.as_str().or_else(|| message.as_object()?.keys().next().map(String::as_str))?;
        let phase = match name {
            "verify" => Phase::Verify,
            "window" if launch.windows == 0 => Phase::Window,
            "window" | "batch" => Phase::Batch,
            "each" => Phase::Each,
            "quit" => Phase::Close,
            _ => return None,
        };
        launch.windows += u32::from(name == "window");
        Some((phase, launch))
    }

    /// Whether the caller waits still: it has not been interrupted, nor killed.
    fn is_held(&self, id: u64) -> bool {
        // SAFETY: the kernel reads one number, from a live one.
        unsafe { libc::ioctl(self.listener.as_raw_fd(), IS_VALID, &raw const id) == 0 }
    }

    /// Whether the call goes on now: not where a signal has interrupted it, after which it is made again.
    fn let_go(&self, id: u64) -> bool {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        let response = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
        // SAFETY: the kernel reads one response, from a live one.
        unsafe { libc::ioctl(self.listener.as_raw_fd(), SEND, &raw const response) == 0 }
    }
}

/// A duplicate of the descriptor on which this worker takes commands.
fn channel_of(worker: i32) -> Option<OwnedFd> {
    pidfd_getfd(pidfd_open(Pid::from_raw(worker)).ok()?, 0).ok()
}

/// The command that a worker will take from its channel; none at the end of that.
fn peek(channel: &OwnedFd) -> Option<Value> {
    let mut buffer = vec![0; 1 << 16];
    let len = recv(channel.as_raw_fd(), &mut buffer, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT).ok()?;
    serde_json::from_slice(&buffer[..len]).ok()
}

/// Whatever happens, look again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// `_IOWR('!', 0, struct seccomp_notif)`, `_IOWR('!', 1, struct seccomp_notif_resp)` and `_IOW('!', 2, __u64)`, linux/seccomp.h.
const RECEIVE: libc::Ioctl = request(READ | WRITE, 0, size_of::<libc::seccomp_notif>());
const SEND: libc::Ioctl = request(READ | WRITE, 1, size_of::<libc::seccomp_notif_resp>());
const IS_VALID: libc::Ioctl = request(WRITE, 2, size_of::<u64>());
const WRITE: u32 = 1 << 30;
const READ: u32 = 2 << 30;

const fn request(direction: u32, number: u32, bytes: usize) -> libc::Ioctl {
    (direction | (bytes as u32) << 16 | (b'!' as u32) << 8 | number) as libc::Ioctl
}

/// Installs the filter for this thread and returns its listener.
fn install() -> nix::Result<OwnedFd> {
    const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
    let load = |at| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
    let equal =
        |value, then, otherwise| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, then, otherwise, value);
    let end = |verdict| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, verdict);
    let filter = [
        load(0),
        equal(libc::SYS_recvfrom as u32, 1, 0),
        equal(libc::SYS_sendto as u32, 0, 3),
        load(FIRST_ARGUMENT),
        equal(0, 0, 1),
        end(libc::SECCOMP_RET_USER_NOTIF),
        end(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // SAFETY: the kernel copies the program, which outlives the call and is not written to; what comes back is a descriptor
    // made for us, closed on exec.
    unsafe {
        Errno::result(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        let fd = Errno::result(libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// The processes that this one has forked, in their order.
pub(crate) fn children(process: i32) -> Vec<i32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
