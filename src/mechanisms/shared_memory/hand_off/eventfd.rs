//! eventfd(2) in semaphore mode: write(2) adds one, read(2) takes one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::{Elsewhere, HandOff};
use crate::descriptor::{named, until_done};
use crate::manner::Manner;
use crate::mechanism::Waiting;

/// One party's hold of the descriptor, which a forked one has a copy of.
#[derive(Clone)]
pub(in crate::mechanisms::shared_memory) struct Eventfd(Arc<EventFd>);

impl HandOff for Eventfd {
    const REFERENCES: [&'static str; 2] = ["eventfd(2)", "EFD_SEMAPHORE in eventfd(2)"];
    const WAITINGS: &'static [Waiting] = &[Waiting::Block, Waiting::Spin];

    type Word = Elsewhere;

    fn new(manner: Manner, _: usize) -> io::Result<Eventfd> {
        let spins = if manner.may_sleep() { EfdFlags::empty() } else { EfdFlags::EFD_NONBLOCK };
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE | spins;
        let made = EventFd::from_value_and_flags(0, flags).map_err(|errno| named("eventfd", errno))?;
        Ok(Eventfd(Arc::new(made)))
    }

    #[inline]
    fn post(&mut self, _: &Elsewhere) -> io::Result<()> {
        until_done("write to an eventfd", || write(&*self.0, &1_u64.to_ne_bytes())).map(drop)
    }

    #[inline]
    fn wait(&mut self, _: &Elsewhere) -> io::Result<()> {
        let mut count = [0; 8];
        until_done("read of an eventfd", || read(&*self.0, &mut count)).map(drop)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}
