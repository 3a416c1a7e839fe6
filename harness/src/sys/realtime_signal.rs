//! Signals as messages: sent to a process or to one of its threads, alone or with a number, and taken by waiting.
//!
//! - A standard signal is pending at most once; a real-time one, `SIGRTMIN` to `SIGRTMAX`, queues (signal(7)).
//! - One that is waited for must be blocked in every thread it may reach, *before* that thread is started or forked:
//!   both inherit the mask, and an unblocked real-time signal ends the process.
//! - One for a process may go to any of its threads; a thread as peer is reached by `tgkill` and `tgsigqueue`.
#![allow(unsafe_code)] // the calls take addresses, and siginfo_t holds a union

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid, getuid};

/// `sigqueue(3)`: queues `signal` for a process, with `payload`.
///
/// In glibc that is three system calls, getpid(2) and getuid(2) to sign it. Fails with `EAGAIN` while as many signals
/// are queued as RLIMIT_SIGPENDING allows.
#[inline]
pub fn sigqueue(pid: Pid, signal: c_int, payload: c_int) -> nix::Result<()> {
    // SAFETY: the call follows no pointer; the value is handed on as it is.
    Errno::result(unsafe { libc::sigqueue(pid.as_raw(), signal, sigval(payload)) }).map(drop)
}

/// `syscall(SYS_rt_tgsigqueueinfo, tgid, tid, signal, info)`: as `sigqueue`, for thread `tid` of process `tgid`. Signed
/// by the same two further system calls, as pthread_sigqueue(3) does.
#[inline]
pub fn tgsigqueue(tgid: Pid, tid: Pid, signal: c_int, payload: c_int) -> nix::Result<()> {
    let (si_pid, si_uid) = (getpid().as_raw(), getuid().as_raw());
    let origin = Origin { si_pid, si_uid, si_value: sigval(payload) };
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let queued = Queued { si_signo: signal, si_errno: 0, si_code: libc::SI_QUEUE, origin };
    // SAFETY: a `Queued` is how a siginfo_t begins; the kernel reads it and the zeros behind it.
    let result = unsafe {
        info.as_mut_ptr().cast::<Queued>().write(queued);
        libc::syscall(libc::SYS_rt_tgsigqueueinfo, tgid.as_raw(), tid.as_raw(), signal, info.as_ptr())
    };
    Errno::result(result).map(drop)
}

/// `syscall(SYS_tgkill, tgid, tid, signal)`: as kill(2), for thread `tid` of process `tgid`.
#[inline]
pub fn tgkill(tgid: Pid, tid: Pid, signal: c_int) -> nix::Result<()> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::syscall(libc::SYS_tgkill, tgid.as_raw(), tid.as_raw(), signal) }).map(drop)
}

/// A signal that was taken.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub signal: c_int,
    /// The number it was queued with; 0 if it was not.
    pub payload: c_int,
}

/// Signals to wait for, real-time ones too (nix's set knows the standard ones only).
#[derive(Copy, Clone, Debug)]
pub struct SignalSet(libc::sigset_t);

impl SignalSet {
    /// `sigemptyset(3)` and `sigaddset(3)`. Fails with `EINVAL` for a number that is no signal, or one that libc keeps.
    pub fn of(signals: &[c_int]) -> nix::Result<SignalSet> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set.
        let mut set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        };
        for &signal in signals {
            // SAFETY: the set is live and initialised.
            Errno::result(unsafe { libc::sigaddset(&mut set, signal) })?;
        }
        Ok(SignalSet(set))
    }

    /// `pthread_sigmask(SIG_BLOCK)`: from now on the calling thread, and those it starts or forks, take them by
    /// waiting.
    pub fn block(&self) -> nix::Result<()> {
        // SAFETY: the set is live and initialised; the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &self.0, std::ptr::null_mut()) } {
            0 => Ok(()),
            code => Err(Errno::from_raw(code)),
        }
    }

    /// `sigwaitinfo(2)`: waits for one and takes it. Fails with `EINTR` when a handler ran for another.
    #[inline]
    pub fn wait(&self) -> nix::Result<Taken> {
        let mut info = MaybeUninit::uninit();
        // SAFETY: the set is live; the call writes one siginfo_t, to a live one.
        taken(unsafe { libc::sigwaitinfo(&self.0, info.as_mut_ptr()) }, &info)
    }

    /// `sigtimedwait(2)` with no time: takes one that is pending, or fails with `EAGAIN`.
    #[inline]
    pub fn poll(&self) -> nix::Result<Taken> {
        let no_time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut info = MaybeUninit::uninit();
        // SAFETY: as in `wait`; the time outlives the call.
        taken(unsafe { libc::sigtimedwait(&self.0, info.as_mut_ptr(), &no_time) }, &info)
    }
}

/// What a call with this `result` has written.
#[inline]
fn taken(result: c_int, info: &MaybeUninit<libc::siginfo_t>) -> nix::Result<Taken> {
    let signal = Errno::result(result)?;
    // SAFETY: the call succeeded, so it has written the siginfo_t; where there is no value the kernel leaves zeros.
    let value = unsafe { info.assume_init_ref().si_value() };
    // SAFETY: every value of the union is an int, too.
    let payload = unsafe { Value { sival_ptr: value.sival_ptr }.sival_int };
    Ok(Taken { signal, payload })
}

/// How a siginfo_t begins where `si_code` is `SI_QUEUE`; nested, so that the pointer in it aligns it as in C.
#[repr(C)]
struct Queued {
    si_signo: c_int,
    si_errno: c_int,
    si_code: c_int,
    origin: Origin,
}

#[repr(C)]
struct Origin {
    si_pid: libc::pid_t,
    si_uid: libc::uid_t,
    si_value: libc::sigval,
}

const _: () = assert!(size_of::<Queued>() <= size_of::<libc::siginfo_t>());
const _: () = assert!(align_of::<Queued>() <= align_of::<libc::siginfo_t>());

/// `union sigval`, of which libc has the pointer only.
#[repr(C)]
union Value {
    sival_int: c_int,
    sival_ptr: *mut c_void,
}

#[inline]
fn sigval(payload: c_int) -> libc::sigval {
    let mut value = Value { sival_ptr: std::ptr::null_mut() };
    value.sival_int = payload;
    // SAFETY: the null pointer has initialised every byte.
    libc::sigval { sival_ptr: unsafe { value.sival_ptr } }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use nix::unistd::gettid;

    use super::*;
    use crate::sys::testing;

    /// Real-time signals that are blocked in this thread from now on.
    fn blocked() -> (c_int, SignalSet) {
        let signal = libc::SIGRTMIN() + 1;
        let set = SignalSet::of(&[signal, libc::SIGUSR1]).unwrap();
        set.block().unwrap();
        (signal, set)
    }

    #[test]
    fn a_forked_child_takes_what_is_queued_for_it_in_order() {
        let (signal, set) = blocked();
        let child = testing::fork(|| [7, -7].iter().all(|&payload| set.wait() == Ok(Taken { signal, payload })));
        sigqueue(child.0, signal, 7).unwrap();
        sigqueue(child.0, signal, -7).unwrap();
        assert!(child.succeeded());
    }

    #[test]
    fn a_thread_takes_what_is_sent_to_it_and_nobody_else_does() {
        let (signal, set) = blocked();
        let (say, hear) = mpsc::channel();
        std::thread::scope(|scope| {
            let peer = scope.spawn(move || {
                say.send(gettid()).unwrap();
                // One signal a wait: those pending together are taken lowest number first.
                [set.wait(), set.wait()]
            });
            let thread = hear.recv().unwrap();
            tgkill(getpid(), thread, libc::SIGUSR1).unwrap();
            tgsigqueue(getpid(), thread, signal, i32::MIN).unwrap();
            let expected = [Ok(Taken { signal: libc::SIGUSR1, payload: 0 }), Ok(Taken { signal, payload: i32::MIN })];
            assert_eq!(peer.join().unwrap(), expected);
        });
        assert_eq!(set.poll(), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_queued_signal_names_its_sender() {
        let (signal, set) = blocked();
        tgsigqueue(getpid(), gettid(), signal, 1).unwrap();
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the set is live; the call writes one siginfo_t, to a live one.
        let info = unsafe {
            assert_eq!(libc::sigwaitinfo(&set.0, info.as_mut_ptr()), signal);
            info.assume_init()
        };
        // SAFETY: SI_QUEUE has these two fields.
        let sender = unsafe { (info.si_pid(), info.si_uid()) };
        assert_eq!((info.si_code, sender), (libc::SI_QUEUE, (getpid().as_raw(), getuid().as_raw())));
    }

    #[test]
    fn polling_takes_what_is_pending_and_no_more() {
        let (signal, set) = blocked();
        assert_eq!(set.poll(), Err(Errno::EAGAIN));
        tgsigqueue(getpid(), gettid(), signal, 3).unwrap();
        assert_eq!(set.poll(), Ok(Taken { signal, payload: 3 }));
        assert_eq!(set.poll(), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_waiter_can_be_interrupted() {
        testing::assert_interruptible(|| blocked().1.wait());
    }

    #[test]
    fn a_number_that_is_no_signal_is_refused() {
        assert_eq!(SignalSet::of(&[65]).unwrap_err(), Errno::EINVAL);
    }
}
