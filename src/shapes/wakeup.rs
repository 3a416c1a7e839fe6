//! [`Wakeup`]: one party tells the other to go on.

use std::io;
use std::os::fd::BorrowedFd;

use super::erased::WakeupKind;
use crate::mechanism::{Setup, Shape, Support, Waiting};
use crate::{capability, contract, workloads};

/// All that is measured of a notification, and all that it promises.
pub const fn wakeup<W: Wakeup>() -> Shape {
    Shape {
        workloads: workloads::wakeup::<W>(),
        contract: contract::wakeup::<W>(),
        observe: Some(|| capability::of_wakeup(WakeupKind::of::<W>())),
    }
}

/// A notification without content between two parties, either way.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/wakeup.rs`):
///
/// - **a_notification_before_the_wait_is_not_lost**: `wait` then returns at once;
/// - **wait_returns_only_after_a_notification**: never by itself, whatever else wakes the party;
/// - **each_wait_takes_one_notification**: rounds of `notify` and `wait` stay in step, in both directions;
/// - **no_name_is_left**: whatever names were used are gone once both ends exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Wakeup: Sized + Send + 'static {
    /// The ways of waiting it has.
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];
    /// Whether one `arm` serves any number of notifications. Where it does not, as with the end of a process, arming is
    /// never inside the clock, and there is no round trip.
    const LASTS: bool = true;

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// Both ends. Either may be moved to a forked process or a thread.
    fn pair(setup: &Setup) -> io::Result<(Self, Self)>;

    /// Called once, in the party that will use this end, before anything is timed. The other end is settled at the same time:
    /// the two may wait for each other, here or at the first `notify`.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Called before each notification in the notifying party, then before each wait in the waiting one, never inside the
    /// clock: for what serves only once.
    fn arm(&mut self, role: Role) -> io::Result<()> {
        let _ = role;
        Ok(())
    }

    /// Tells the other end to go on.
    fn notify(&mut self) -> io::Result<()>;

    /// Waits, as the setup says, until the other end has notified.
    fn wait(&mut self) -> io::Result<()>;

    /// The descriptor that becomes readable at a notification, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// What a party does in one direction.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It will notify.
    Notifier,
    /// It will wait.
    Waiter,
}
