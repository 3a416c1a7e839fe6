//! [`Transport`]: messages between two parties.

use std::io;
use std::os::fd::BorrowedFd;

use super::erased::TransportKind;
use crate::mechanism::{Setup, Shape, Support, Waiting};
use crate::{capability, contract, workloads};

/// All that is measured of a transport, and all that it promises.
pub const fn transport<T: Pairing>() -> Shape {
    Shape {
        workloads: workloads::transport::<T>(),
        contract: contract::transport::<T>(),
        observe: Some(|| capability::of_transport(TransportKind::of::<T>())),
    }
}

/// A two-way channel of messages between two parties.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/transport.rs`):
///
/// - **messages_arrive_whole_and_unchanged**, from one byte to the largest size `supports` admits;
/// - **messages_arrive_in_order**, none lost, none twice;
/// - **both_directions_carry_messages**, at the same time (where `HOLDS`);
/// - **a_full_channel_holds_the_sender_back**: `send` waits for room instead of losing or failing;
/// - **boundaries_are_kept**: one `recv` never returns bytes of two messages (where `BOUNDARIES`);
/// - **recv_after_the_other_end_is_gone_reports_end**: `UnexpectedEof`, not a hang (where `REPORTS_END`);
/// - **nothing_is_left_by_name**: whatever names were used are gone once both ends exist;
/// - **sizes_it_does_not_take_are_refused_with_the_limit**: `supports` says no beforehand, with the kernel's figure.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait Transport: Sized + Send + 'static {
    /// Whether one `recv` returns exactly one message.
    const BOUNDARIES: bool;
    /// Whether what is sent arrives. Only `null` says no.
    const DELIVERS: bool = true;
    /// Whether `recv` notices that the other end is gone.
    const REPORTS_END: bool = true;
    /// Whether the channel holds a message that nobody takes yet. Where it does not, `send` waits for `recv`, and two ends
    /// that send at the same time wait for each other.
    const HOLDS: bool = true;
    /// The ways of waiting it has.
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];

    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// Both ends, connected. Either may be moved to a forked process or a thread.
    fn pair(setup: &Setup) -> io::Result<(Self, Self)>;

    /// Called once, in the party that will use this end, before anything is timed: for what belongs there and not where
    /// the pair was made, like page tables. The other end is settled at the same time: the two may wait for each other.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// After how many further messages the bytes of one may change again: 0 where `send` has copied them. What lends its
    /// messages instead is given another buffer each time, so many and one more in turn.
    fn lends(setup: &Setup) -> usize {
        let _ = setup;
        0
    }

    /// Sends one message of the setup's size (or smaller), waiting for room as the setup says.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;

    /// Fills `message` with the next message, waiting as the setup says. `UnexpectedEof` once the other end is gone.
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()>;

    /// Tells the other end that no more will come, where dropping alone does not.
    fn hang_up(&mut self) {}

    /// The descriptor that becomes readable when a message comes, where there is one.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// How the two ends of a transport come about. Every transport has one way of its own; mechanisms whose ends differ in
/// nothing but where they come from share the type of the ends, and with it all that is compiled for these.
pub trait Pairing: 'static {
    /// What comes about.
    type End: Transport;

    /// As [`Transport::supports`].
    fn supports(setup: &Setup) -> Support;

    /// As [`Transport::pair`].
    fn pair(setup: &Setup) -> io::Result<(Self::End, Self::End)>;
}

impl<T: Transport> Pairing for T {
    type End = T;

    fn supports(setup: &Setup) -> Support {
        <T as Transport>::supports(setup)
    }

    fn pair(setup: &Setup) -> io::Result<(T, T)> {
        <T as Transport>::pair(setup)
    }
}
