//! Nothing: both ends do as they would, and no byte moves. The floor that every number is read against.

use std::hint::black_box;
use std::io;

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Transport};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "null",
    summary: "does nothing: what the harness itself costs, the floor of every other number",
    family: Family::Floor,
    reach: Reach::Both,
    references: &[],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::transport::<Null>()],
};

struct Null;

impl Transport for Null {
    const BOUNDARIES: bool = true;
    const DELIVERS: bool = false;
    const REPORTS_END: bool = false;

    fn pair(_: &Setup) -> io::Result<(Self, Self)> {
        Ok((Null, Null))
    }

    #[inline(always)]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        black_box(message.as_ptr());
        Ok(())
    }

    #[inline(always)]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        black_box(message.as_mut_ptr());
        Ok(())
    }
}
