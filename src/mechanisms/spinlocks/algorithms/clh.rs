//! The queue lock of Craig (University of Washington TR 93-02-02, 1993), Landin and Hagersten (IPPS 1994): who comes puts its
//! node at the tail and polls the node of the one before it, which that one clears. First come, first served.
//!
//! The queue is not linked, so a release is one store; the node that a party has waited for becomes its own afterwards.

use super::ground::{AtomicU32, Ordering, spin_loop};
use super::{Algorithm, Line};

/// One node more than there are parties: one is always at the tail.
#[repr(C)]
pub(in super::super) struct Clh<const NODES: usize> {
    /// The node of who came last; node 0 at first.
    pub(in super::super) tail: Line<AtomicU32>,
    /// 1 while its party waits or holds the lock.
    nodes: [Line<AtomicU32>; NODES],
}

/// Which nodes a party uses.
pub(in super::super) struct Places {
    own: u32,
    /// That of the party before it, while it waits or holds the lock.
    before: u32,
}

impl<const NODES: usize> Default for Clh<NODES> {
    fn default() -> Self {
        Clh { tail: Line::default(), nodes: std::array::from_fn(|_| Line::default()) }
    }
}

impl<const NODES: usize> Algorithm for Clh<NODES> {
    type Seat = Places;

    fn seat(place: usize) -> Places {
        Places { own: place as u32 + 1, before: 0 }
    }

    #[inline(always)]
    fn acquire(&self, seat: &mut Places) {
        // Relaxed: published by the swap.
        self.nodes[seat.own as usize].0.store(1, Ordering::Relaxed);
        // Release: pairs with the Acquire of whoever comes next, who must see that the node is not clear. Acquire: pairs with
        // that Release.
        seat.before = self.tail.0.swap(seat.own, Ordering::AcqRel);
        let before = &self.nodes[seat.before as usize].0;
        // Acquire: pairs with the Release in `release`.
        while before.load(Ordering::Acquire) != 0 {
            spin_loop();
        }
    }

    #[inline(always)]
    fn release(&self, seat: &mut Places) {
        // Release: pairs with the Acquire of the load in `acquire`.
        self.nodes[seat.own as usize].0.store(0, Ordering::Release);
        // Nobody looks at it any more: we did, and it is not at the tail.
        seat.own = seat.before;
    }
}
