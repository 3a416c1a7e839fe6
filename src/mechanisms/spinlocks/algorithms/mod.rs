//! The locks of ours that are more than a flag. Parties name each other by numbers and nothing is an address, so that each
//! lock works between processes, too.

mod clh;
mod mcs;
mod spin_then_park;
mod ticket;

use super::ground;

pub(super) use clh::Clh;
pub(super) use mcs::Mcs;
pub(super) use spin_then_park::SpinThenPark;
pub(super) use ticket::Ticket;

/// A lock; all zero, nobody holds it.
pub(super) trait Algorithm: Sync + 'static {
    /// What each party keeps to itself.
    type Seat: Send;

    /// That of the party of this number.
    fn seat(place: usize) -> Self::Seat;

    /// Returns when this party holds it.
    fn acquire(&self, seat: &mut Self::Seat);

    /// Lets the next one in; only for who holds it.
    fn release(&self, seat: &mut Self::Seat);
}

/// On lines of its own: 128 bytes, because the adjacent-line prefetcher pairs cache lines.
#[derive(Default)]
#[repr(C, align(128))]
pub(super) struct Line<T>(pub(super) T);
