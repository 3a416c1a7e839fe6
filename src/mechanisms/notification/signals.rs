//! Signals that are waited for: sent to a process, or to a thread of it where the peer is one, and blocked there.
//!
//! A standard signal is pending at most once, so two that are sent before the first is taken are one; in a conversation
//! nobody sends twice. Real-time signals queue, each with a number. Each end says in a shared page who it is once it has
//! blocked the signal; the other one's first notification waits for that, for an unblocked signal ends the process.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::sys::futex;
use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::realtime_signal::{SignalSet, sigqueue, tgkill, tgsigqueue};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpid, gettid, read};

use crate::descriptor::{named, until_done};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Wakeup};

const SIGNAL: Mechanism = Mechanism {
    name: "signal",
    summary: "SIGUSR1 by kill (tgkill to a thread), taken by sigwaitinfo, or polled for by sigtimedwait",
    family: Family::Notification,
    reach: Reach::Both,
    references: &["signal(7)", "kill(2)", "tgkill(2)", "sigwaitinfo(2)"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Signals<Standard, ByCall>>()],
};

pub(super) static STANDARD: Mechanism = SIGNAL;

pub(super) static QUEUED: Mechanism = Mechanism {
    name: "signal-queue",
    summary: "SIGRTMIN with a number by sigqueue (rt_tgsigqueueinfo to a thread), taken by sigwaitinfo",
    references: &["signal(7)", "sigqueue(3)", "rt_tgsigqueueinfo(2)", "sigwaitinfo(2)"],
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Signals<Queued, ByCall>>()],
    ..SIGNAL
};

pub(super) static BY_DESCRIPTOR: Mechanism = Mechanism {
    name: "signalfd",
    summary: "SIGUSR1 by kill (tgkill to a thread), taken by reading a signalfd",
    references: &["signal(7)", "kill(2)", "tgkill(2)", "signalfd(2)"],
    support: || ByDescriptor::new(Standard::number(), Waiting::Block).into(),
    rank: Rank::Common,
    shapes: &[shapes::wakeup::<Signals<Standard, ByDescriptor>>()],
    ..SIGNAL
};

/// Which signal, and how it is sent.
trait Kind: Send + 'static {
    fn number() -> c_int;

    fn send(to: Address) -> nix::Result<()>;
}

struct Standard;

impl Kind for Standard {
    fn number() -> c_int {
        Signal::SIGUSR1 as c_int
    }

    #[inline]
    fn send(to: Address) -> nix::Result<()> {
        match to {
            Address::Process(process) => kill(process, Signal::SIGUSR1),
            Address::Thread(process, thread) => tgkill(process, thread, Self::number()),
        }
    }
}

struct Queued;

impl Kind for Queued {
    fn number() -> c_int {
        libc::SIGRTMIN()
    }

    #[inline]
    fn send(to: Address) -> nix::Result<()> {
        match to {
            Address::Process(process) => sigqueue(process, Self::number(), 1),
            Address::Thread(process, thread) => tgsigqueue(process, thread, Self::number(), 1),
        }
    }
}

/// How a signal is taken.
trait Taking: Sized + Send + 'static {
    fn new(signal: c_int, waiting: Waiting) -> io::Result<Self>;

    fn take(&self) -> io::Result<()>;

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

struct ByCall {
    signals: SignalSet,
    waiting: Waiting,
}

impl Taking for ByCall {
    fn new(signal: c_int, waiting: Waiting) -> io::Result<Self> {
        Ok(ByCall { signals: SignalSet::of(&[signal])?, waiting })
    }

    #[inline]
    fn take(&self) -> io::Result<()> {
        match self.waiting {
            Waiting::Spin => until_done("sigtimedwait", || self.signals.poll()),
            _ => until_done("sigwaitinfo", || self.signals.wait()),
        }
        .map(drop)
    }
}

/// It gives what is pending for the thread that reads, wherever it was made.
struct ByDescriptor(SignalFd);

/// `sizeof(struct signalfd_siginfo)`: what a read gives, and the least it takes.
const INFO_BYTES: usize = 128;

impl Taking for ByDescriptor {
    fn new(signal: c_int, waiting: Waiting) -> io::Result<Self> {
        let signals = SigSet::from(Signal::try_from(signal)?);
        let nonblock = if waiting == Waiting::Spin { SfdFlags::SFD_NONBLOCK } else { SfdFlags::empty() };
        let made = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | nonblock);
        made.map(ByDescriptor).map_err(|errno| named("signalfd", errno))
    }

    #[inline]
    fn take(&self) -> io::Result<()> {
        until_done("read of a signalfd", || read(&self.0, &mut [0; INFO_BYTES])).map(drop)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

/// Who takes a signal.
#[derive(Copy, Clone)]
enum Address {
    Process(Pid),
    Thread(Pid, Pid),
}

/// One end.
struct Signals<K, T> {
    taking: T,
    seats: Shared<Seats>,
    mine: usize,
    /// Known from the first notification on.
    theirs: Option<Address>,
    _kind: std::marker::PhantomData<K>,
}

/// One for each end.
#[repr(C)]
struct Seats([Seat; 2]);

/// Who the end is, once it has blocked the signal.
#[repr(C)]
struct Seat {
    process: AtomicU32,
    /// Written last.
    thread: AtomicU32,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Seats {}

impl<K: Kind, T: Taking> Wakeup for Signals<K, T> {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let seats = Shared::zeroed()?;
        let end = |mine| {
            let taking = T::new(K::number(), setup.waiting)?;
            Ok(Signals { taking, seats: Shared::clone(&seats), mine, theirs: None, _kind: std::marker::PhantomData })
        };
        end(0).and_then(|near| Ok((near, end(1)?)))
    }

    fn settle(&mut self) -> io::Result<()> {
        SignalSet::of(&[K::number()])?.block()?;
        self.seats.0[self.mine].take();
        Ok(())
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        let seat = &self.seats.0[1 - self.mine];
        let to = *self.theirs.get_or_insert_with(|| seat.await_occupant());
        K::send(to).map_err(|errno| named("sending a signal", errno))
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        self.taking.take()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.taking.descriptor()
    }
}

impl Seat {
    fn take(&self) {
        self.process.store(getpid().as_raw() as u32, Ordering::Relaxed);
        // Release: pairs with the Acquire in `wait_until`.
        self.thread.store(gettid().as_raw() as u32, Ordering::Release);
        futex::wake(&self.thread, 1);
    }

    #[cold]
    fn await_occupant(&self) -> Address {
        let thread = Pid::from_raw(futex::wait_until(&self.thread, |thread| thread != 0) as i32);
        match Pid::from_raw(self.process.load(Ordering::Relaxed) as i32) {
            // The signal is not blocked in every thread of this process.
            process if process == getpid() => Address::Thread(process, thread),
            process => Address::Process(process),
        }
    }
}
