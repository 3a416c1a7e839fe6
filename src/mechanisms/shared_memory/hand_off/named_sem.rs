//! A named POSIX semaphore, sem_open(3), unlinked at once: a page of its own that libc maps.

use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::semaphore::NamedSemaphore;

use super::{Elsewhere, HandOff, Sem};
use crate::descriptor::named;
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// One party's hold of the semaphore: in one process sem_open(3) returns the same address each time.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct NamedSem {
    semaphore: Arc<NamedSemaphore>,
    calls: Sem,
}

impl HandOff for NamedSem {
    const REFERENCES: [&'static str; 2] = ["sem_overview(7)", "sem_open(3)"];
    const WAITINGS: &'static [Waiting] = Sem::WAITINGS;

    type Word = Elsewhere;

    fn new(manner: Manner, posters: usize) -> io::Result<NamedSem> {
        let name = names::next();
        let semaphore = names::held(|| {
            let semaphore = NamedSemaphore::create(&name, 0)?;
            NamedSemaphore::unlink(&name).map_err(|errno| named("sem_unlink", errno)).map(|()| semaphore)
        })?;
        Ok(NamedSem { semaphore: Arc::new(semaphore), calls: Sem::new(manner, posters)? })
    }

    #[inline]
    fn post(&mut self, _: &Elsewhere) -> io::Result<()> {
        self.calls.post(&self.semaphore)
    }

    #[inline]
    fn wait(&mut self, _: &Elsewhere) -> io::Result<()> {
        self.calls.wait(&self.semaphore)
    }
}
