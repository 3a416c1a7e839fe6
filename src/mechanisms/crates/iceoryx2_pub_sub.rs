//! `iceoryx2-pub-sub`: two publish-subscribe services, one a direction.
#![allow(unsafe_code)] // ports are not `Send`

use std::io;

use iceoryx2::node::Node;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use super::iceoryx2_event::Ports as Events;
use super::iceoryx2_place::{InFolder, Place, of, service_name, unsettled, until};
use crate::descriptor::other_length;
use crate::mechanism::{Setup, Waiting};
use crate::shapes::Transport;

/// Messages that wait for the subscriber; the publisher's memory holds two more, the one loaned and the one borrowed.
const BUFFER: usize = 16;

pub(super) struct PubSub {
    place: Place,
    payload_bytes: usize,
    blocks: bool,
    /// Fields drop in this order: the node last.
    settled: Option<(Ports, Node<InFolder>)>,
}

// SAFETY: the ports and their node share reference counts with one another only; all of them move together, and an end is
// used by one thread at a time.
unsafe impl Send for PubSub {}

struct Ports {
    publisher: Publisher<InFolder, [u8], ()>,
    subscriber: Subscriber<InFolder, [u8], ()>,
    events: Events,
}

impl Ports {
    fn open(node: &Node<InFolder>, out: &str, back: &str, payload_bytes: usize) -> io::Result<Ports> {
        let publisher = service(node, out)?
            .publisher_builder()
            .initial_max_slice_len(payload_bytes)
            .max_loaned_samples(1)
            .create()
            .map_err(of("create a publisher"))?;
        let subscriber = service(node, back)?.subscriber_builder().create().map_err(of("create a subscriber"))?;
        Ok(Ports { publisher, subscriber, events: Events::open(node, out, back)? })
    }

    /// Sends one message, to however many subscribers there are: 0 or 1.
    #[inline]
    fn publish(&self, message: &[u8]) -> io::Result<usize> {
        let chunk = self.publisher.loan_slice_uninit(message.len()).map_err(of("loan"))?;
        chunk.write_from_slice(message).send().map_err(of("send"))
    }

    /// Delivers one message and one event to the other end, and takes one of each of its.
    fn greet(&self) -> io::Result<()> {
        until(|| Ok(self.publish(&[0])? == 1))?;
        until(|| Ok(self.subscriber.receive().map_err(of("receive"))?.is_some()))?;
        until(|| Ok(self.events.notify()? == 1))?;
        until(|| Ok(self.events.notified()? > 0))
    }
}

impl Transport for PubSub {
    const BOUNDARIES: bool = true;
    const REPORTS_END: bool = false;

    /// Room for a direction as measured: 48 bytes a message, and less than 8 KiB.
    fn pair(setup: &Setup) -> io::Result<(Self, Self)> {
        let direction = (BUFFER + 2) * (setup.payload_bytes + 48) + (8 << 10);
        let (near, far) = Place::pair(2 * direction as u64)?;
        let (payload_bytes, blocks) = (setup.payload_bytes, setup.waiting == Waiting::Block);
        let end = |place| PubSub { place, payload_bytes, blocks, settled: None };
        Ok((end(near), end(far)))
    }

    /// Greets twice: a message of the other end shows that we have mapped what it sends by; a second one, that it has
    /// received our first, and so mapped what we send by.
    fn settle(&mut self) -> io::Result<()> {
        self.settled = Some(self.place.meet(|node, out, back| {
            let ports = Ports::open(node, out, back, self.payload_bytes)?;
            ports.greet()?;
            ports.greet()?;
            Ok(ports)
        })?);
        Ok(())
    }

    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let (ports, _) = self.settled.as_ref().ok_or_else(unsettled)?;
        ports.publish(message)?;
        if self.blocks {
            ports.events.notify()?;
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        let (ports, _) = self.settled.as_ref().ok_or_else(unsettled)?;
        loop {
            if let Some(sample) = ports.subscriber.receive().map_err(of("receive"))? {
                let came = sample.payload();
                if came.len() != message.len() {
                    return Err(other_length(came.len(), message.len()));
                }
                message.copy_from_slice(came);
                return Ok(());
            }
            if self.blocks {
                ports.events.wait()?;
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// Whoever comes first makes it, the other opens it.
fn service(node: &Node<InFolder>, name: &str) -> io::Result<PortFactory<InFolder, [u8], ()>> {
    node.service_builder(&service_name(name)?)
        .publish_subscribe::<[u8]>()
        // A full buffer holds the publisher back, instead of losing the oldest message.
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(BUFFER)
        .subscriber_max_borrowed_samples(1)
        .history_size(0)
        .max_publishers(1)
        .max_subscribers(1)
        .max_nodes(2)
        .open_or_create()
        .map_err(of("open or create a service"))
}
