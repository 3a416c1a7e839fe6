//! An unnamed POSIX semaphore, process-shared, in the shared memory: sem_post(3), and sem_wait(3) or sem_trywait(3).

use std::io;

use ipcmark_harness::sys::semaphore::Semaphore;

use super::{HandOff, InMemory};
use crate::descriptor::until_done;
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// All a party needs to know of a semaphore that lies elsewhere.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct Sem {
    polls: bool,
}

impl InMemory for Sem {}

impl HandOff for Sem {
    const REFERENCES: [&'static str; 2] = ["sem_overview(7)", "sem_init(3)"];
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];

    type Word = Semaphore;

    fn new(manner: Manner, _: usize) -> io::Result<Sem> {
        Ok(Sem { polls: !manner.may_sleep() })
    }

    fn init(&self, word: &mut Semaphore) -> io::Result<()> {
        word.init(0)
    }

    #[inline]
    fn post(&mut self, word: &Semaphore) -> io::Result<()> {
        until_done("sem_post", || word.post())
    }

    #[inline]
    fn wait(&mut self, word: &Semaphore) -> io::Result<()> {
        match self.polls {
            true => until_done("sem_trywait", || word.try_wait()),
            false => until_done("sem_wait", || word.wait()),
        }
    }
}
