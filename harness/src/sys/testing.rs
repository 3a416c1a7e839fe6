//! What the tests here need of a second party: a forked one, and one that interrupts.
#![allow(unsafe_code)] // fork, and the handler of the interrupting signal

use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, getpid, gettid};

use super::process::exit_now;
use super::{names, realtime_signal};

/// After so many seconds a forked child that hangs is ended by SIGALRM.
const CHILD_LIMIT_S: u32 = 20;

/// A child that says whether all was well.
pub(super) struct Child(pub(super) Pid);

/// `fork(2)` from a test. Other tests run in other threads, so `body` must keep to what signal-safety(7) allows: no
/// allocation, no output. It says whether all was well.
pub(super) fn fork(body: impl FnOnce() -> bool) -> Child {
    // SAFETY: `body` keeps to async-signal-safe calls.
    match unsafe { nix::unistd::fork() }.unwrap() {
        ForkResult::Parent { child } => Child(child),
        ForkResult::Child => {
            alarm::set(CHILD_LIMIT_S);
            exit_now(if body() { 0 } else { 1 })
        }
    }
}

impl Child {
    /// Waits for its end.
    pub(super) fn succeeded(self) -> bool {
        waitpid(self.0, None).unwrap() == WaitStatus::Exited(self.0, 0)
    }
}

/// Asserts that `call`, which would block for ever, returns `EINTR` to a thread that a signal without `SA_RESTART`
/// interrupts.
pub(super) fn assert_interruptible<R: Send>(call: impl FnOnce() -> nix::Result<R> + Send) {
    extern "C" fn ignore(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing; no other test uses this signal.
    unsafe { sigaction(Signal::SIGUSR2, &action) }.unwrap();
    std::thread::scope(|scope| {
        let (say, hear) = mpsc::channel();
        let caller = scope.spawn(move || {
            say.send(gettid()).unwrap();
            call()
        });
        let thread = hear.recv().unwrap();
        // Again and again: a signal that comes before the call begins interrupts nothing.
        while !caller.is_finished() {
            // An error: the thread has just ended.
            let _ = realtime_signal::tgkill(getpid(), thread, Signal::SIGUSR2 as i32);
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(caller.join().unwrap().map(drop), Err(Errno::EINTR));
    })
}

/// A key for System V objects that nothing else uses.
pub(super) fn key() -> i32 {
    names::draw_token() as i32
}
