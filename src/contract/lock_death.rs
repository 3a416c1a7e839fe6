//! What a killed holder leaves: one forked process takes the lock and is killed with SIGKILL, another one wants it, from
//! before or from then on.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ipcmark_harness::sys::memory::{Shareable, Shared};
use ipcmark_harness::sys::process;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, pause};

use super::broken;
use super::lock::{Make, handles};
use crate::mechanism::{Setup, Verdict};
use crate::shapes::AfterDeath;
use crate::shapes::erased::Handle;

/// Who waits so long for a lock that nobody uses waits for ever.
const FOR_EVER: Duration = Duration::from_millis(300);
/// In this time who waits has polled enough and sleeps.
const FALLS_ASLEEP: Duration = Duration::from_millis(30);
/// More than taking a free lock costs on any machine, however busy.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn killed_holder(make: Make, told: Option<AfterDeath>, setup: &Setup) -> io::Result<Verdict> {
    let Some(told) = told else { return Ok(Verdict::NotPromised("nothing is said of a killed holder")) };
    for waits_before in [false, true] {
        match (told, next_has_it(make, setup, waits_before, told)?) {
            (AfterDeath::Free, false) => return broken("who wants it after its holder was killed does not have it"),
            (AfterDeath::Stuck, true) => return broken("who wants it after its holder was killed has it"),
            (AfterDeath::Free, true) | (AfterDeath::Stuck, false) => {}
        }
    }
    match told {
        AfterDeath::Free => Ok(Verdict::Kept),
        AfterDeath::Stuck => Ok(Verdict::NotPromised("a killed holder leaves it locked")),
    }
}

/// Whether another party has the lock when its holder was killed; waited for as long as what is told makes necessary.
fn next_has_it(make: Make, setup: &Setup, waits_before: bool, told: AfterDeath) -> io::Result<bool> {
    let mut handles = handles(make, setup, 2)?;
    let [holder, next] = &mut handles[..] else { return Err(io::Error::other("there are not two handles")) };
    let first = Party::start(holder, Then::Stays)?;
    if !first.has_it_within(PATIENCE) {
        return Err(io::Error::other("the first who wants it does not have it"));
    }
    let mut first = Some(first);
    if !waits_before {
        drop(first.take());
    }
    let second = Party::start(next, Then::Leaves)?;
    if waits_before && second.has_it_within(FALLS_ASLEEP) {
        return Err(io::Error::other("two have it at once"));
    }
    drop(first);
    Ok(second.has_it_within(if told == AfterDeath::Free { PATIENCE } else { FOR_EVER }))
}

/// What a party does when it has the lock.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Then {
    Stays,
    Leaves,
}

/// Whether a party has had the lock.
struct Sign(AtomicU32);

#[allow(unsafe_code)]
// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Sign {}

/// A forked process that wants the lock; killed when dropped.
struct Party {
    process: Pid,
    sign: Shared<Sign>,
}

impl Party {
    fn start(handle: &mut Box<dyn Handle>, then: Then) -> io::Result<Party> {
        let sign = Shared::<Sign>::zeroed()?;
        let parent = getpid();
        let process = process::fork(|| {
            let took = process::die_with(parent, Signal::SIGKILL).and_then(|()| handle.settle());
            let took = took.and_then(|()| {
                handle.hold(&mut || {
                    // Release: pairs with the Acquire in `has_it_within`.
                    sign.0.store(1, Ordering::Release);
                    if then == Then::Stays {
                        loop {
                            pause();
                        }
                    }
                })
            });
            i32::from(took.is_err())
        })?;
        Ok(Party { process, sign })
    }

    fn has_it_within(&self, limit: Duration) -> bool {
        let start = Instant::now();
        // Acquire: pairs with the Release in `start`.
        while self.sign.0.load(Ordering::Acquire) == 0 {
            if start.elapsed() > limit {
                return false;
            }
            ipcmark_harness::sys::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        process::end_child(self.process);
    }
}
