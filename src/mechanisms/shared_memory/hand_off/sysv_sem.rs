//! A System V semaphore, semget(2): semop(2) adds one and takes one, a system call each, waiter or not.

use std::io;
use std::sync::Arc;

use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::semaphore::Semaphore;

use super::{Elsewhere, HandOff};
use crate::descriptor::until_done;
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// One party's hold of the semaphore, which is there under its key as long as the process that made it holds it.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct SysvSem {
    semaphore: Arc<Semaphore>,
    wait_flags: i32,
}

impl HandOff for SysvSem {
    const REFERENCES: [&'static str; 2] = ["semget(2)", "semop(2)"];
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];

    type Word = Elsewhere;

    fn new(manner: Manner, _: usize) -> io::Result<SysvSem> {
        let wait_flags = if manner.may_sleep() { 0 } else { libc::IPC_NOWAIT };
        Ok(SysvSem { semaphore: Arc::new(Semaphore::create(names::key(), 0)?), wait_flags })
    }

    #[inline]
    fn post(&mut self, _: &Elsewhere) -> io::Result<()> {
        until_done("semop of 1", || self.semaphore.operate(1, 0))
    }

    #[inline]
    fn wait(&mut self, _: &Elsewhere) -> io::Result<()> {
        until_done("semop of -1", || self.semaphore.operate(-1, self.wait_flags))
    }
}
