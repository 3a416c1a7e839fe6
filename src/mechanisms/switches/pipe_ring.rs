//! A pipe for each place, and one byte that goes round: what lmbench's lat_ctx and `perf bench sched pipe` do.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::descriptor::{read_all, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, TokenRing};

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "pipe-ring",
    summary: "a token from task to task as one byte through a pipe",
    family: Family::Switch,
    reach: Reach::Tasks,
    references: &["pipe(2)", "pipe(7)", "McVoy and Staelin, lmbench: Portable Tools for Performance Analysis, 1996"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::token_ring::<Pipes>()],
};

struct Pipes {
    inbound: OwnedFd,
    outbound: OwnedFd,
}

impl TokenRing for Pipes {
    fn places(setup: &Setup) -> io::Result<Vec<Self>> {
        let pipes: Vec<_> = (0..setup.parties).map(|_| pipe2(OFlag::O_CLOEXEC)).collect::<Result<_, _>>()?;
        let (readers, mut writers): (Vec<OwnedFd>, Vec<OwnedFd>) = pipes.into_iter().unzip();
        writers.rotate_left(1);
        Ok(readers.into_iter().zip(writers).map(|(inbound, outbound)| Pipes { inbound, outbound }).collect())
    }

    #[inline]
    fn pass(&mut self) -> io::Result<()> {
        write_all(&self.outbound, &[1])
    }

    #[inline]
    fn take(&mut self) -> io::Result<()> {
        read_all(&self.inbound, &mut [0])
    }
}
