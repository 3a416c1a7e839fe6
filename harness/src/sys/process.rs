//! fork(2) and its manners: a child that dies with its parent, and an exit that runs nothing.
#![allow(unsafe_code)] // fork and _exit

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, getpid, getppid, pause, setsid};

use super::pidfd::{pidfd_open, pidfd_send_signal};
use super::realtime_signal::tgkill;
use super::{futex, refused, tried};
use crate::machine::Root;

/// How long a thread that has ended is given at a time to be gone.
const LEAVING: Duration = Duration::from_millis(1);
/// How often processes are killed until none is left: those that are killed may have started others meanwhile.
const KILLS: u32 = 1000;

/// `fork(2)` in a single-threaded process; the child runs `body` and leaves by `_exit` with the code it returns.
///
/// A panic in `body` must not unwind past it: the child would then run the parent's code. `body` catches its own.
/// Refuses (`Deadlock`) when the process has other threads: only async-signal-safe calls would be allowed in the child.
pub fn fork(body: impl FnOnce() -> i32) -> io::Result<Pid> {
    // One that has been joined may still be on its way out: the kernel tells before it has gone.
    if !tried(100, LEAVING, || thread_count() == 1) {
        let why = format!(
            "fork(2) refused: {} threads are running and the child needs more than async-signal-safe calls",
            thread_count()
        );
        return Err(io::Error::new(io::ErrorKind::Deadlock, why));
    }
    // SAFETY: the process is single-threaded (checked above), so the child may call anything.
    match unsafe { nix::unistd::fork() }.map_err(not_forked)? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => exit_now(body()),
    }
}

/// `fork(2)` of a child that calls pause(2) until a signal ends it; it ends with the thread that called.
///
/// The child stores its number in `announced`, which both share, and wakes who waits there by futex(2); the call returns
/// after that. As the child makes only async-signal-safe calls, the process may have other threads.
pub fn fork_pausing(announced: &AtomicU32) -> io::Result<Pid> {
    let parent = getpid();
    // SAFETY: the child calls prctl, getppid, getpid, futex, pause and _exit, all bare system calls.
    match unsafe { nix::unistd::fork() }.map_err(not_forked)? {
        ForkResult::Parent { child } => {
            futex::wait_until(announced, |number| number == child.as_raw() as u32);
            Ok(child)
        }
        ForkResult::Child => {
            if die_with(parent, Signal::SIGKILL).is_err() {
                exit_now(1);
            }
            // Release: pairs with the Acquire in `wait_until`.
            announced.store(getpid().as_raw() as u32, Ordering::Release);
            futex::wake(announced, u32::MAX);
            loop {
                pause();
            }
        }
    }
}

fn not_forked(errno: Errno) -> io::Error {
    refused("fork", errno, if errno == Errno::EAGAIN { limit_on_processes() } else { String::new() })
}

/// The limit that fork(2) and clone(2) meet with `EAGAIN`, and how to move it; a clause that starts with `; `.
pub(crate) fn limit_on_processes() -> String {
    let allowed =
        getrlimit(Resource::RLIMIT_NPROC).map_or_else(|_| "an unknown number".into(), |(soft, _)| soft.to_string());
    format!("; RLIMIT_NPROC allows {allowed}, raise it with `ulimit -u`")
}

/// `_exit(2)`: ends the process without running destructors, exit handlers or flushing inherited buffers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// `prctl(PR_SET_PDEATHSIG)`: the kernel sends `signal` to this process when the thread that started it ends.
///
/// `parent` is who should be alive still; when it is not (it died before the call), this process exits at once.
pub fn die_with(parent: Pid, signal: Signal) -> io::Result<()> {
    let why = "; every process of ipcmark dies with the one that started it, and a sandbox must allow that";
    prctl::set_pdeathsig(signal).map_err(|errno| refused("prctl(PR_SET_PDEATHSIG)", errno, why))?;
    match getppid() {
        now if now == parent => Ok(()),
        // It cannot fail but by a filter.
        now if now.as_raw() < 0 => Err(refused("getppid", Errno::last(), "; a sandbox must allow it")),
        _ => exit_now(0),
    }
}

/// What /proc/pid/stat tells of a process.
pub(crate) struct Stat {
    /// When it started, in clock ticks since boot.
    pub(crate) start_ticks: u64,
    /// The number of its process group.
    pub(crate) group: i32,
    /// The number of its session's first process.
    pub(crate) session: i32,
    /// One letter, as `T` for stopped: proc_pid_stat(5).
    pub(crate) state: char,
    /// It only waits for its parent to notice.
    pub(crate) has_ended: bool,
}

/// Reads it; the error says what is missing.
pub(crate) fn stat(process: i32) -> Result<Stat, String> {
    let path = format!("/proc/{process}/stat");
    let text = Root::new("/").read(&path)?;
    // The second field is the command's name in parentheses, with whatever it is made of.
    let mut fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let state = fields.next().unwrap_or_default();
    let group = fields.nth(1).and_then(|group| group.parse().ok());
    let group = group.ok_or_else(|| format!("{path} has no process group in field 5"))?;
    let session = fields.next().and_then(|session| session.parse().ok());
    let session = session.ok_or_else(|| format!("{path} has no session in field 6"))?;
    let start_ticks = fields.nth(15).and_then(|ticks| ticks.parse().ok());
    let start_ticks = start_ticks.ok_or_else(|| format!("{path} has no start time in field 22"))?;
    let state = state.chars().next().unwrap_or_default();
    Ok(Stat { start_ticks, group, session, state, has_ended: ['Z', 'X'].contains(&state) })
}

/// Whether the process that had this number when it started, in clock ticks since boot, lives; the error says why that cannot be told.
pub(crate) fn lives(process: i32, start_ticks: u64) -> Result<bool, String> {
    match kill(Pid::from_raw(process), None) {
        Err(Errno::ESRCH) => Ok(false),
        _ => stat(process).map(|stat| stat.start_ticks == start_ticks && !stat.has_ended),
    }
}

/// The numbers of all processes that /proc shows.
pub(crate) fn all() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
}

/// Starts `command` as the first process of a session: without a controlling terminal, in a process group of its own. If it is
/// stopped when this process ends, it goes on then.
pub(crate) fn spawn_in_own_session(command: &mut Command) -> io::Result<Child> {
    let own_session = || {
        // Where a sandbox refuses it, only the one that is stopped stays.
        let _ = prctl::set_pdeathsig(Signal::SIGCONT);
        setsid().map(drop).map_err(io::Error::from)
    };
    // SAFETY: between fork and exec only prctl(2) and setsid(2) are called, bare system calls, and no memory is allocated.
    unsafe { command.pre_exec(own_session) };
    command.spawn()
}

/// SIGKILL to all processes of a session but its first, until there are none: whether that is so.
pub(crate) fn kill_session(session: i32) -> bool {
    tried(KILLS, LEAVING, || {
        let others = session_members(session);
        for process in &others {
            let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
        }
        others.is_empty()
    })
}

/// The live processes of a session but its first.
fn session_members(session: i32) -> Vec<i32> {
    let is_member = |&process: &i32| stat(process).is_ok_and(|stat| stat.session == session && !stat.has_ended);
    all().filter(|process| *process != session).filter(is_member).collect()
}

/// SIGKILL to a child that nobody has waited for, and waits for it. Where a sandbox refuses every call that sends a signal,
/// nobody is waited for: the child ends with its parent ([`die_with`]).
pub fn end_child(child: Pid) {
    if kill_child(child) {
        while waitpid(child, None) == Err(Errno::EINTR) {}
    }
}

/// SIGKILL to a child that nobody has waited for: by kill(2), or by what is left where a sandbox refuses that. Whether it
/// was sent.
pub(crate) fn kill_child(child: Pid) -> bool {
    let by_pidfd = || pidfd_open(child).is_ok_and(|pidfd| pidfd_send_signal(pidfd, libc::SIGKILL).is_ok());
    kill(child, Signal::SIGKILL).is_ok() || tgkill(child, child, libc::SIGKILL).is_ok() || by_pidfd()
}

/// The number of threads of this process, from the entries of /proc/self/task; 1 where procfs is not mounted.
fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, |tasks| tasks.count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::Shared;
    use nix::sys::wait::WaitStatus;

    #[test]
    fn a_pausing_child_has_announced_itself_and_ends_with_the_thread_that_forked_it() {
        let announced = Shared::<AtomicU32>::zeroed().unwrap();
        let child = std::thread::scope(|scope| scope.spawn(|| fork_pausing(&announced).unwrap()).join().unwrap());
        assert_eq!(announced.load(Ordering::Relaxed), child.as_raw() as u32);
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Signaled(child, Signal::SIGKILL, false)));
    }
}
