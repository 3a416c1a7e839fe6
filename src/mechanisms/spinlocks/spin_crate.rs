//! The locks of the crate `spin`, which is made for programs without an operating system. Nothing says that they may lie in memory
//! of several processes, so they live in one.

use std::io;
use std::sync::Arc;

use spin::mutex::{SpinMutex, TicketMutex};

use super::in_shared::SPINLOCK;
use crate::mechanism::{Mechanism, Reach, Setup};
use crate::shapes::{self, Lock};

pub(super) static MUTEX: Mechanism = Mechanism {
    name: "spin-mutex",
    summary: "spin::Mutex: test-test-and-set by compare-exchange",
    reach: Reach::Threads,
    references: &["crate spin"],
    shapes: &[shapes::lock::<OfSpin>()],
    ..SPINLOCK
};

pub(super) static TICKET_MUTEX: Mechanism = Mechanism {
    name: "spin-ticket-mutex",
    summary: "spin::mutex::TicketMutex: first come, first served",
    reach: Reach::Threads,
    references: &["crate spin"],
    shapes: &[shapes::lock::<TicketOfSpin>()],
    ..SPINLOCK
};

struct OfSpin(Arc<SpinMutex<()>>);

impl Lock for OfSpin {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = Arc::default();
        Ok((0..setup.parties).map(|_| OfSpin(Arc::clone(&mutex))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _guard = self.0.lock();
        Ok(critical())
    }
}

struct TicketOfSpin(Arc<TicketMutex<()>>);

impl Lock for TicketOfSpin {
    fn handles(setup: &Setup) -> io::Result<Vec<Self>> {
        let mutex = Arc::default();
        Ok((0..setup.parties).map(|_| TicketOfSpin(Arc::clone(&mutex))).collect())
    }

    #[inline(always)]
    fn with<R>(&mut self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _guard = self.0.lock();
        Ok(critical())
    }
}
