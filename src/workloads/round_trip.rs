//! `round-trip`: a message there and back; the latency that people ask for. One operation is the whole trip.

use std::io;

use super::exchange::Pattern;
use super::payload::Lane;
use super::sizes;
use crate::mechanism::Point;
use crate::shapes::Transport;

pub(super) struct RoundTrip;

impl Pattern for RoundTrip {
    const NAME: &'static str = "round-trip";
    const SUMMARY: &'static str = "one message to the peer and the same one back; one operation is the whole trip";
    const ENDS_AT_FAR: bool = false;
    const CROSSINGS: u64 = 2;
    const PAYLOAD_BYTES: &'static [Point<usize>] = &sizes(&[64]);

    #[inline(always)]
    fn near<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()> {
        lane.prepare::<CHECKED>();
        end.send(&lane.out)?;
        end.recv(&mut lane.back)?;
        if T::DELIVERS { lane.confirm::<CHECKED>() } else { Ok(()) }
    }

    /// Sends back what it received, not what it knows was sent: a byte lost on either way shows at the near end.
    #[inline(always)]
    fn far<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()> {
        if CHECKED {
            lane.back.fill(0x5A);
        }
        end.recv(&mut lane.back)?;
        if T::DELIVERS {
            lane.confirm::<CHECKED>()?;
        }
        end.send(lane.echo())
    }
}
