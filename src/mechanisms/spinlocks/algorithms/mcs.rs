//! The queue lock of Mellor-Crummey and Scott (ACM TOCS 9(1), 1991): who comes puts itself at the tail, tells the one before it,
//! and polls a word on a line of its own, which that one clears. First come, first served, and a release moves two lines
//! whatever the number of waiters.

use super::ground::{AtomicU32, Ordering, spin_loop};
use super::{Algorithm, Line};

/// One node for each party.
#[repr(C)]
pub(in super::super) struct Mcs<const PARTIES: usize> {
    /// Who came last, counted from 1; 0: nobody is here.
    pub(in super::super) tail: Line<AtomicU32>,
    nodes: [Line<Node>; PARTIES],
}

#[derive(Default)]
#[repr(C)]
struct Node {
    /// 1 while its party must wait.
    waits: AtomicU32,
    /// Who came next, counted from 1; 0: nobody has said so.
    next: AtomicU32,
}

impl<const PARTIES: usize> Default for Mcs<PARTIES> {
    fn default() -> Self {
        Mcs { tail: Line::default(), nodes: std::array::from_fn(|_| Line::default()) }
    }
}

impl<const PARTIES: usize> Mcs<PARTIES> {
    #[inline(always)]
    fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize - 1].0
    }
}

impl<const PARTIES: usize> Algorithm for Mcs<PARTIES> {
    /// Its number, counted from 1.
    type Seat = u32;

    fn seat(place: usize) -> u32 {
        place as u32 + 1
    }

    #[inline(always)]
    fn acquire(&self, me: &mut u32) {
        let node = self.node(*me);
        // Relaxed, both: they are published by the swap and by the store to the neighbour's node.
        node.next.store(0, Ordering::Relaxed);
        node.waits.store(1, Ordering::Relaxed);
        // Acquire: pairs with the Release of the exchange in `release`, where nobody is here any more, and with the swap of
        // the one before, whose cleared `next` must not come after our store to it. Release: pairs with that Acquire.
        let before = self.tail.0.swap(*me, Ordering::AcqRel);
        if before != 0 {
            // Release: pairs with the Acquires in `release`; that `waits` is 1 comes before its being cleared.
            self.node(before).next.store(*me, Ordering::Release);
            // Acquire: pairs with the Release of the last store in `release`.
            while node.waits.load(Ordering::Acquire) != 0 {
                spin_loop();
            }
        }
    }

    #[inline(always)]
    fn release(&self, me: &mut u32) {
        let node = self.node(*me);
        // Acquire: pairs with the Release of the store to `next` in `acquire`.
        let mut next = node.next.load(Ordering::Acquire);
        if next == 0 {
            // Release: pairs with the Acquire of the swap in `acquire`. Relaxed where it fails: `next` says who came.
            if self.tail.0.compare_exchange(*me, 0, Ordering::Release, Ordering::Relaxed).is_ok() {
                return;
            }
            // Somebody has come, and is about to tell us.
            while next == 0 {
                spin_loop();
                // Acquire: as above.
                next = node.next.load(Ordering::Acquire);
            }
        }
        // Release: pairs with the Acquire of the load of `waits` in `acquire`.
        self.node(next).waits.store(0, Ordering::Release);
    }
}
