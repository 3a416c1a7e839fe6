//! One end of two channels, one a direction, whatever library they are of: what each library's file has in common.

use std::io;

use super::parcel::Parcel;
use crate::mechanism::{Setup, Waiting};
use crate::shapes::{FanIn, FanOut, Transport};

/// Messages that a bounded channel holds.
pub(super) const DEPTH: usize = 64;

/// A library's channel, one way.
///
/// To block is to call what the library offers for it, which may well poll for a while first; to spin is to call what
/// returns at once, again and again.
pub(super) trait Channel: Sized + 'static {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];
    /// Whether it holds a message that nobody takes yet.
    const HOLDS: bool = true;
    /// Whether a receiver learns that the last sender is gone.
    const REPORTS_END: bool = true;

    fn ends() -> (Self::Sender, Self::Receiver);

    /// Sends if there is room; else gives the parcel back.
    fn try_send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<Option<Parcel>>;

    /// What came next, if anything has.
    fn try_recv(receiver: &mut Self::Receiver) -> io::Result<Option<Parcel>>;

    /// Sends, waiting for room; by polling where the library knows no other way.
    #[inline]
    fn send(sender: &mut Self::Sender, parcel: Parcel) -> io::Result<()> {
        poll_send::<Self>(sender, parcel)
    }

    /// Waits for what comes next; by polling where the library knows no other way.
    #[inline]
    fn recv(receiver: &mut Self::Receiver) -> io::Result<Parcel> {
        poll_recv::<Self>(receiver)
    }
}

#[inline]
fn poll_send<C: Channel>(sender: &mut C::Sender, mut parcel: Parcel) -> io::Result<()> {
    while let Some(refused) = C::try_send(sender, parcel)? {
        parcel = refused;
        std::hint::spin_loop();
    }
    Ok(())
}

#[inline]
fn poll_recv<C: Channel>(receiver: &mut C::Receiver) -> io::Result<Parcel> {
    loop {
        if let Some(parcel) = C::try_recv(receiver)? {
            return Ok(parcel);
        }
        std::hint::spin_loop();
    }
}

pub(super) struct End<C: Channel> {
    outbound: C::Sender,
    inbound: C::Receiver,
    polls: bool,
}

impl<C: Channel> End<C> {
    fn new(outbound: C::Sender, inbound: C::Receiver, setup: &Setup) -> Self {
        End { outbound, inbound, polls: setup.waiting == Waiting::Spin }
    }

    /// An end that only sends; nothing comes from where it would receive.
    fn writer(outbound: C::Sender, setup: &Setup) -> Self {
        Self::new(outbound, C::ends().1, setup)
    }

    /// An end that only receives; nobody hears what it would send.
    fn reader(inbound: C::Receiver, setup: &Setup) -> Self {
        Self::new(C::ends().0, inbound, setup)
    }
}

impl<C: Channel> Transport for End<C> {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = C::REPORTS_END;
    const HOLDS: bool = C::HOLDS;
    const WAITINGS: &'static [Waiting] = C::WAITINGS;

    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near_out, far_in) = C::ends();
        let (far_out, near_in) = C::ends();
        Ok((Self::new(near_out, near_in, setup), Self::new(far_out, far_in, setup)))
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let parcel = Parcel::of(message);
        if self.polls { poll_send::<C>(&mut self.outbound, parcel) } else { C::send(&mut self.outbound, parcel) }
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let inbound = &mut self.inbound;
        let parcel = if self.polls { poll_recv::<C>(inbound)? } else { C::recv(inbound)? };
        parcel.open(message)
    }
}

impl<C: Channel<Sender: Clone>> FanIn for End<C> {
    type Reader = Self;

    fn fan_in(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (sender, receiver) = C::ends();
        let writers = (1..setup.parties).map(|_| Self::writer(sender.clone(), setup));
        Ok((Self::reader(receiver, setup), writers.collect()))
    }
}

impl<C: Channel<Receiver: Clone>> FanOut for End<C> {
    fn fan_out(setup: &Setup) -> io::Result<(Self, Vec<Self>)> {
        let (sender, receiver) = C::ends();
        let readers = (1..setup.parties).map(|_| Self::reader(receiver.clone(), setup));
        Ok((Self::writer(sender, setup), readers.collect()))
    }
}
