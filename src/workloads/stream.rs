//! `stream`: messages one way, as fast as they go; throughput. The clock stops when the receiver has the last one.

use std::io;

use super::exchange::Pattern;
use super::payload::Lane;
use super::sizes;
use crate::mechanism::Point;
use crate::shapes::Transport;

pub(super) struct Stream;

impl Pattern for Stream {
    const NAME: &'static str = "stream";
    const SUMMARY: &'static str = "messages one way; one operation is one message, the last one's arrival is the end";
    const ENDS_AT_FAR: bool = true;
    const CROSSINGS: u64 = 1;
    const PAYLOAD_BYTES: &'static [Point<usize>] = &sizes(&[64 << 10]);

    #[inline(always)]
    fn near<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()> {
        lane.prepare::<CHECKED>();
        lane.next += 1;
        end.send(&lane.out)
    }

    #[inline(always)]
    fn far<T: Transport, const CHECKED: bool>(end: &mut T, lane: &mut Lane) -> io::Result<()> {
        if CHECKED {
            lane.back.fill(0x5A);
        }
        end.recv(&mut lane.back)?;
        if T::DELIVERS { lane.confirm::<CHECKED>() } else { Ok(()) }
    }
}
