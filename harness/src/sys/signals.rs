//! sigaction(2): what the front end does at an interruption, and what a worker does when one of its peers dies.
#![allow(unsafe_code)] // signal handlers

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, raise, sigaction, sigprocmask};
use nix::unistd::Pid;

/// The last signal that asked this process to stop; 0: none.
static INTERRUPTION: AtomicI32 = AtomicI32::new(0);

/// The signals that ask a front end to stop; SIGXCPU is the kernel's, at the soft limit of `RLIMIT_CPU`.
const INTERRUPTIONS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGXCPU];

/// From now on SIGINT, SIGTERM, SIGHUP and SIGXCPU only set a flag, and end the system call they meet with `EINTR`; those that are ignored, as
/// SIGHUP is under nohup(1), stay ignored.
pub fn catch_interruptions() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(note_interruption), SaFlags::empty(), SigSet::empty());
    for signal in INTERRUPTIONS.into_iter().filter(|&signal| !is_ignored(signal as i32)) {
        // SAFETY: the handler stores to an atomic and does nothing else.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Whether this process ignores the signal of this number; false where there is no such signal.
pub(crate) fn is_ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the old one, which is all zero where it fails: `SIG_DFL`.
    let action = unsafe {
        libc::sigaction(number, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// The signal that asked this process to stop, once one has.
pub fn interruption() -> Option<i32> {
    match INTERRUPTION.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

extern "C" fn note_interruption(signal: i32) {
    INTERRUPTION.store(signal, Ordering::Relaxed);
}

/// Gives `signal` its default action again: an ignored signal stays ignored over execve(2), and a worker must not
/// inherit that.
pub fn restore_default(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of ours.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Ends this process by the default action of `signal`, even where it is ignored or blocked.
pub fn end_by(signal: Signal) -> ! {
    let _ = restore_default(signal);
    let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&SigSet::from(signal)), None);
    let _ = raise(signal);
    // A signal that ends no process by default.
    super::process::exit_now(128 + signal as i32)
}

/// What to do before a signal ends this process: a `fn()`, null until set. Stored (Release) before its handler is
/// installed, which loads it (Acquire).
static LAST: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// When one of `signals` ends this process, `last` is called first; one that is ignored stays so.
///
/// `last` must keep to async-signal-safe calls (signal-safety(7)): no allocation, no locks.
pub fn before_ending_by(signals: &[Signal], last: fn()) -> nix::Result<()> {
    LAST.store(last as *mut (), Ordering::Release);
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::SA_RESETHAND, SigSet::empty());
    for &signal in signals.iter().filter(|&&signal| !is_ignored(signal as i32)) {
        // SAFETY: the handler calls `last`, which promises to be async-signal-safe, and raise(3), which is.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

extern "C" fn end(signal: i32) {
    let last = LAST.load(Ordering::Acquire);
    if !last.is_null() {
        // SAFETY: only `before_ending_by` stores here, and what it stores is a `fn()`.
        let last: fn() = unsafe { std::mem::transmute(last) };
        last();
    }
    // SAFETY: raise takes a number. The action is the default one again (SA_RESETHAND), and the signal is held back until
    // this returns: then it ends the process.
    unsafe { libc::raise(signal) };
}

/// What to do when this process goes on after a stop: a `fn()`, null until set. Stored (Release) before its handler is
/// installed, which loads it (Acquire).
static ON_CONTINUE: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// From now on `then` is called whenever SIGCONT comes, before anything else runs in a process that was stopped.
///
/// `then` must keep to async-signal-safe calls (signal-safety(7)): no allocation, no locks.
pub fn when_continued(then: fn()) -> nix::Result<()> {
    ON_CONTINUE.store(then as *mut (), Ordering::Release);
    let action = SigAction::new(SigHandler::Handler(go_on), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler calls `then`, which promises to be async-signal-safe.
    unsafe { sigaction(Signal::SIGCONT, &action) }.map(drop)
}

extern "C" fn go_on(_: i32) {
    let then = ON_CONTINUE.load(Ordering::Acquire);
    if !then.is_null() {
        // SAFETY: only `when_continued` stores here, and what it stores is a `fn()`.
        let then: fn() = unsafe { std::mem::transmute(then) };
        then();
    }
}

/// How many forked peers one worker may watch.
pub const WATCHED: usize = 64;

/// The peers whose death is news; 0: a free place.
static CHILDREN: [AtomicI32; WATCHED] = [const { AtomicI32::new(0) }; WATCHED];
/// What to do at such a death: a `fn(usize, i32)`, null until set.
static ON_DEATH: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// Calls `on_death(place, wait_status)` from a SIGCHLD handler when a child that is being watched ends.
///
/// `on_death` must keep to async-signal-safe calls (signal-safety(7)): no allocation, no locks.
pub fn watch_children(on_death: fn(usize, i32)) -> nix::Result<()> {
    ON_DEATH.store(on_death as *mut (), Ordering::Release);
    let action =
        SigAction::new(SigHandler::Handler(note_child), SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP, SigSet::empty());
    // SAFETY: the handler calls waitpid(2), which is async-signal-safe, and `on_death`, which promises to be.
    unsafe { sigaction(Signal::SIGCHLD, &action) }.map(drop)
}

/// Starts watching `child` under the number `place`.
///
/// The child may have died before this call, and its SIGCHLD with it: the caller checks with `look_at_children`.
pub fn watch(place: usize, child: Pid) {
    CHILDREN[place].store(child.as_raw(), Ordering::Release);
    look_at_children();
}

/// Stops watching: from now on the child's end is expected.
pub fn unwatch(place: usize) {
    CHILDREN[place].store(0, Ordering::Release);
}

/// Waits until `child` has ended: its wait status; none: it has been reaped already, as `look_at_children` does.
pub fn reap(child: Pid) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: waitpid writes one int, to a live one.
        match Errno::result(unsafe { libc::waitpid(child.as_raw(), &mut status, 0) }) {
            Ok(_) => return Some(status),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

extern "C" fn note_child(_: i32) {
    look_at_children();
}

/// Reaps watched children that have ended and reports each.
pub fn look_at_children() {
    for (place, child) in CHILDREN.iter().enumerate() {
        let pid = child.load(Ordering::Acquire);
        if pid == 0 {
            continue;
        }
        let mut status = 0;
        // SAFETY: waitpid writes one int, to a live one.
        if unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == pid {
            child.store(0, Ordering::Release);
            let on_death = ON_DEATH.load(Ordering::Acquire);
            if !on_death.is_null() {
                // SAFETY: only `watch_children` stores here, and what it stores is a `fn(usize, i32)`.
                let on_death: fn(usize, i32) = unsafe { std::mem::transmute(on_death) };
                on_death(place, status);
            }
        }
    }
}
