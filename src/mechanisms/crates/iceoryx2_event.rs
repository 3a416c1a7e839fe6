//! `iceoryx2-event`: two event services, one a direction.
#![allow(unsafe_code)] // ports are not `Send`

use std::io;

use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;

use super::iceoryx2_place::{InFolder, Place, event, of, unsettled, until};
use crate::mechanism::{Setup, Waiting};
use crate::shapes::Wakeup;

pub(super) struct Event {
    place: Place,
    spins: bool,
    /// Notifications that have come and were not waited for: those between two waits come as one, with their number.
    heard: u64,
    /// Fields drop in this order: the node last.
    settled: Option<(Ports, Node<InFolder>)>,
}

// SAFETY: the ports and their node share reference counts with one another only; all of them move together, and an end is
// used by one thread at a time.
unsafe impl Send for Event {}

/// What tells the other end, and what it tells.
pub(super) struct Ports {
    notifier: Notifier<InFolder>,
    listener: Listener<InFolder>,
}

impl Ports {
    pub(super) fn open(node: &Node<InFolder>, out: &str, back: &str) -> io::Result<Ports> {
        let listener = event(node, back)?.listener_builder().create().map_err(of("create a listener"))?;
        let notifier = event(node, out)?.notifier_builder().create().map_err(of("create a notifier"))?;
        Ok(Ports { notifier, listener })
    }

    /// Notifies, and returns how many were there to be: 0 or 1.
    #[inline]
    pub(super) fn notify(&self) -> io::Result<usize> {
        self.notifier.notify().map_err(of("notify"))
    }

    /// How often the other end has notified since the last time.
    #[inline]
    pub(super) fn notified(&self) -> io::Result<u64> {
        self.listener.try_wait(|_| ()).map_err(of("try_wait"))
    }

    /// As [`Ports::notified`], asleep until there is a byte in the socket.
    #[inline]
    pub(super) fn wait(&self) -> io::Result<u64> {
        self.listener.blocking_wait(|_| ()).map_err(of("blocking_wait"))
    }
}

impl Wakeup for Event {
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let (near, far) = Place::pair(0)?;
        let end = |place| Event { place, spins: setup.waiting == Waiting::Spin, heard: 0, settled: None };
        Ok((end(near), end(far)))
    }

    /// The near end asks; the answer shows that both ends have opened everything. The far end may notify right after it.
    fn settle(&mut self) -> io::Result<()> {
        let (near, heard) = (self.place.is_near(), &mut self.heard);
        self.settled = Some(self.place.meet(|node, out, back| {
            let ports = Ports::open(node, out, back)?;
            if near {
                until(|| Ok(ports.notify()? == 1))?;
            }
            until(|| {
                *heard = ports.notified()?;
                Ok(*heard > 0)
            })?;
            *heard -= 1;
            if !near {
                until(|| Ok(ports.notify()? == 1))?;
            }
            Ok(ports)
        })?);
        Ok(())
    }

    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        let (ports, _) = self.settled.as_ref().ok_or_else(unsettled)?;
        ports.notify().map(drop)
    }

    #[inline]
    fn wait(&mut self) -> io::Result<()> {
        let (ports, _) = self.settled.as_ref().ok_or_else(unsettled)?;
        while self.heard == 0 {
            self.heard = if self.spins { ports.notified()? } else { ports.wait()? };
        }
        self.heard -= 1;
        Ok(())
    }
}
