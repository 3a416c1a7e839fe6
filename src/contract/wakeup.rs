//! The contract of [`Wakeup`], clause by clause, as code that tries it on any implementation.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::broken;
use crate::mechanism::{Clause, Setup, Verdict};
use crate::shapes::erased::{WakeupEnd, WakeupKind};
use crate::shapes::{Role, Wakeup};

/// The clauses of every notification.
pub const fn wakeup<W: Wakeup>() -> &'static [Clause] {
    Table::<W>::CLAUSES
}

struct Table<W>(std::marker::PhantomData<W>);

impl<W: Wakeup> Table<W> {
    const KIND: &'static WakeupKind = WakeupKind::of::<W>();
    const CLAUSES: &'static [Clause] = &[
        Clause { name: "a_notification_before_the_wait_is_not_lost", check: |setup| not_lost(Self::KIND, setup) },
        Clause { name: "wait_returns_only_after_a_notification", check: |setup| only_after(Self::KIND, setup) },
        Clause { name: "each_wait_takes_one_notification", check: |setup| in_step(Self::KIND, setup) },
        Clause { name: "no_name_is_left", check: |setup| no_name_left(Self::KIND, setup) },
    ];
}

/// Long enough for a party that does not wait to be caught at it.
const UNDISTURBED: Duration = Duration::from_millis(20);
const ROUNDS: u64 = 500;

/// Both ends; the far one works in a thread, where it has been settled, the near one here.
fn between(
    kind: &WakeupKind,
    setup: &Setup,
    far: impl FnOnce(&mut dyn WakeupEnd) -> io::Result<()> + Send,
    near: impl FnOnce(&mut dyn WakeupEnd) -> io::Result<Verdict>,
) -> io::Result<Verdict> {
    let (mut near_end, mut far_end) = (kind.pair)(setup)?;
    let settled = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let done = far_end.settle();
            // Release: pairs with the Acquire below; a signal sent before would find nobody who waits for it.
            settled.store(true, Ordering::Release);
            done.and_then(|()| far(&mut *far_end))
        });
        near_end.settle()?;
        while !settled.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let verdict = near(&mut *near_end);
        match thread.join() {
            Ok(done) => done.and(verdict),
            Err(_) => broken("the far end panicked"),
        }
    })
}

fn not_lost(kind: &WakeupKind, setup: &Setup) -> io::Result<Verdict> {
    let notified = AtomicBool::new(false);
    let far = |far: &mut dyn WakeupEnd| {
        far.arm(Role::Notifier)?;
        far.notify()?;
        notified.store(true, Ordering::Release);
        Ok(())
    };
    between(kind, setup, far, |near| {
        if kind.lasts {
            while !notified.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
        near.arm(Role::Waiter)?;
        ipcmark_harness::sys::sleep(UNDISTURBED / 4);
        near.wait()?;
        Ok(Verdict::Kept)
    })
}

fn only_after(kind: &WakeupKind, setup: &Setup) -> io::Result<Verdict> {
    let notified = AtomicBool::new(false);
    let far = |far: &mut dyn WakeupEnd| {
        far.arm(Role::Notifier)?;
        ipcmark_harness::sys::sleep(UNDISTURBED);
        // Release: pairs with the Acquire after the wait.
        notified.store(true, Ordering::Release);
        far.notify()
    };
    between(kind, setup, far, |near| {
        near.arm(Role::Waiter)?;
        near.wait()?;
        match notified.load(Ordering::Acquire) {
            true => Ok(Verdict::Kept),
            false => broken("wait returned although nobody had notified"),
        }
    })
}

/// Each party counts its rounds; neither may be ahead of the other by more than one.
fn in_step(kind: &WakeupKind, setup: &Setup) -> io::Result<Verdict> {
    if !kind.lasts {
        return Ok(Verdict::NotPromised("it serves once, and one way"));
    }
    let rounds = AtomicU64::new(0);
    let far = |far: &mut dyn WakeupEnd| {
        (0..ROUNDS).try_for_each(|round| {
            far.wait()?;
            // Release: pairs with the Acquire at the near end.
            rounds.store(round + 1, Ordering::Release);
            far.notify()
        })
    };
    between(kind, setup, far, |near| {
        for round in 1..=ROUNDS {
            near.notify()?;
            near.wait()?;
            let theirs = rounds.load(Ordering::Acquire);
            if theirs != round {
                return broken(format!("round {round} was over when the other end had done {theirs}"));
            }
        }
        Ok(Verdict::Kept)
    })
}

fn no_name_left(kind: &WakeupKind, setup: &Setup) -> io::Result<Verdict> {
    between(kind, setup, |_| Ok(()), |_| super::no_name_is_left())
}
