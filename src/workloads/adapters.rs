//! One shape as another, so that each workload is written once.

use std::io;

use super::payload::Lane;
use crate::mechanism::{Setup, Support, Waiting};
use crate::shapes::{Lock, Once, Pairing, Rendezvous, Transport, Wakeup, Whole};

/// A notification as a message without bytes.
pub(super) struct Wordless<W>(W);

impl<W: Wakeup> Transport for Wordless<W> {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;
    const WAITINGS: &'static [Waiting] = W::WAITINGS;

    fn supports(setup: &Setup) -> Support {
        W::supports(setup)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        W::pair(setup).map(|(near, far)| (Wordless(near), Wordless(far)))
    }

    fn settle(&mut self) -> io::Result<()> {
        self.0.settle()
    }

    #[inline(always)]
    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        self.0.notify()
    }

    #[inline(always)]
    fn recv(&mut self, _: &mut [u8]) -> io::Result<()> {
        self.0.wait()
    }
}

/// A message as a notification: what it says is checked, and that is all it is for.
pub(super) struct Message<T> {
    end: T,
    setup: Setup,
    lane: Option<Lane>,
}

impl<T: Transport> Message<T> {
    /// Both ends, of ends that come about in this way.
    pub(super) fn pair_of<P: Pairing<End = T>>(setup: &Setup) -> io::Result<(Self, Self)> {
        let message = |end| Message { end, setup: *setup, lane: None };
        P::pair(setup).map(|(near, far)| (message(near), message(far)))
    }

    #[inline(always)]
    fn parts(&mut self) -> io::Result<(&mut T, &mut Lane)> {
        let unsettled = || io::Error::other("a message was sent or taken before its buffers were made");
        Ok((&mut self.end, self.lane.as_mut().ok_or_else(unsettled)?))
    }
}

impl<T: Transport> Wakeup for Message<T> {
    const WAITINGS: &'static [Waiting] = T::WAITINGS;

    fn supports(setup: &Setup) -> Support {
        T::supports(setup)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        Self::pair_of::<T>(setup)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.lane = Some(Lane::new(self.setup.payload_bytes, T::lends(&self.setup))?);
        self.end.settle()
    }

    #[inline(always)]
    fn notify(&mut self) -> io::Result<()> {
        let (end, lane) = self.parts()?;
        lane.prepare::<false>();
        lane.next += 1;
        end.send(&lane.out)
    }

    #[inline(always)]
    fn wait(&mut self) -> io::Result<()> {
        let (end, lane) = self.parts()?;
        end.recv(&mut lane.back)?;
        lane.confirm::<false>()
    }
}

/// A transport whose channel is made for each exchange and closed after it: what is sent first opens it, what is received
/// last closes it.
pub(crate) struct Remade<T: Rendezvous> {
    place: T::Place,
    is_near: bool,
    open: Option<T>,
}

impl<T: Rendezvous> Transport for Remade<T> {
    const BOUNDARIES: bool = T::BOUNDARIES;
    const REPORTS_END: bool = false;
    // Accepting and opening wait in the kernel in any case.
    const WAITINGS: &'static [Waiting] = &[Waiting::Block];

    fn supports(setup: &Setup) -> Support {
        T::supports(setup)
    }

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = T::places(setup)?;
        let end = |place, is_near| Remade { place, is_near, open: None };
        Ok((end(near, true), end(far, false)))
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self.open.take() {
            // The answer: this end has done its part.
            Some(mut end) => end.send(message),
            None => {
                let mut end = T::open_near(&mut self.place)?;
                end.settle()?;
                end.send(message)?;
                self.open = Some(end);
                Ok(())
            }
        }
    }

    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        if self.is_near {
            let mut end = self.open.take().ok_or(io::ErrorKind::NotConnected)?;
            end.recv(message)?;
            return end.close_near();
        }
        let mut end = T::open_far(&mut self.place)?;
        end.settle()?;
        end.recv(message)?;
        self.open = Some(end);
        Ok(())
    }
}

/// A value that is made once, as a lock that nobody is kept out of: what is asked for is there while it is held.
pub(super) struct Read<O>(O);

impl<O: Once> Lock for Read<O> {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        O::handles(setup, || Whole([1; 8])).map(|cells| cells.into_iter().map(Read).collect())
    }

    /// Nobody else is asking: the value is there from here on.
    fn settle(&mut self) -> io::Result<()> {
        match self.0.get().0[0] {
            1 => Ok(()),
            other => Err(io::Error::other(format!("the value that was made is {other} instead of 1"))),
        }
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        std::hint::black_box(self.0.get().0[0]);
        Ok(critical())
    }
}
