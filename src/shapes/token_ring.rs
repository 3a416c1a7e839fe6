//! [`TokenRing`]: a token that goes round, from each party to the next.

use std::io;

use crate::mechanism::{Setup, Shape, Support};
use crate::{contract, workloads};

/// All that is measured of a token ring, and all that it promises.
pub const fn token_ring<R: TokenRing>() -> Shape {
    Shape { workloads: workloads::token_ring::<R>(), contract: contract::token_ring::<R>(), observe: None }
}

/// A ring of places, one for each party; only who has the token works, so on one CPU each hop makes the kernel switch.
///
/// The same calls are made whatever the parties are. At first the token is with the party of the first place, which has not
/// passed it to anybody yet.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/token_ring.rs`):
///
/// - **take_returns_only_after_the_previous_place_has_passed**: however long that takes;
/// - **a_token_passed_early_is_not_lost**: it may be passed before the next one waits for it;
/// - **the_token_goes_round_in_order**: lap after lap, each place has it once;
/// - **a_hop_can_be_made_alone**: in a ring of one place nobody is waited for;
/// - **no_ring_is_left_by_name**: whatever names were used are gone once the places exist.
///
/// `drop` releases what this process holds and must leave what is shared untouched: it runs in forked copies too.
pub trait TokenRing: Sized + Send + 'static {
    /// Whether this setup can run here; by default every one can.
    fn supports(setup: &Setup) -> Support {
        let _ = setup;
        Support::Available
    }

    /// The places of one new ring, in order, as many as there are parties; there may be one. Each may be moved to a
    /// forked process, to one that shares this one's memory, or to a thread.
    fn places(setup: &Setup) -> io::Result<Vec<Self>>;

    /// Called once, in the party that will use this place, before anything is timed.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Gives the token, which this party has, to the next place. What was written before is visible there.
    fn pass(&mut self) -> io::Result<()>;

    /// Waits until the previous place has passed the token.
    fn take(&mut self) -> io::Result<()>;

    /// On the place of a ring of one: the system calls of one hop in their order, with nobody to wake and nothing to wait for.
    /// That is what a hop costs beside the switch.
    fn alone(&mut self) -> io::Result<()> {
        self.pass()?;
        self.take()
    }
}
