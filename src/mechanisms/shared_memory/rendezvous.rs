//! A mailbox made by name while both parties live: the near end creates the object, the far one opens it and unlinks it.

use std::io;

use super::hand_off::InMemory;
use super::mailbox::{Mailbox, two_lanes};
use super::mapping::{PosixShm, new_name};
use crate::mechanism::Setup;
use crate::shapes::Rendezvous;
use crate::turn::Turns;

/// The name of the objects to come.
pub(super) struct Place {
    name: String,
    setup: Setup,
    turns: Turns,
}

impl<H: InMemory> Rendezvous for Mailbox<H> {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let (near, far) = Turns::new(setup.waiting)?;
        let name = new_name();
        let place = |turns| Place { name: name.clone(), setup: *setup, turns };
        Ok((place(near), place(far)))
    }

    /// The name is free again: the far end unlinked the object of the channel before, and then answered through it.
    fn open_near(place: &mut Place) -> io::Result<Self> {
        let (bytes, [back, there]) = two_lanes::<H>(&place.setup)?;
        let memory = PosixShm::create(&place.name, bytes)?;
        #[allow(unsafe_code)]
        // SAFETY: the memory is new and long enough for both lanes; of each this end takes one end, the far one the other.
        let near = unsafe {
            back.init(memory.start())?;
            there.init(memory.start())?;
            Mailbox::new(memory, Some(&back), &there)
        };
        place.turns.give();
        Ok(near)
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        let (bytes, [back, there]) = two_lanes::<H>(&place.setup)?;
        place.turns.take();
        let memory = PosixShm::open(&place.name, bytes);
        PosixShm::unlink(&place.name)?;
        #[allow(unsafe_code)]
        // SAFETY: the near end has initialized the lanes, and takes their other ends.
        Ok(unsafe { Mailbox::new(memory?, Some(&there), &back) })
    }
}
