//! A reader of several channels, one for each writer, which it watches with epoll(7), level-triggered.
//!
//! One epoll_wait(2) tells of all channels that have something; one message is taken of each before the next call. So its cost
//! is shared by as many messages as there are writers that keep their channels filled.

use std::io;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::descriptor::until_done;
use crate::mechanism::{Setup, Waiting};
use crate::shapes::{Receive, Transport};

pub(super) struct Watched<T> {
    epoll: Epoll,
    ends: Vec<T>,
    /// What the last call told of, and how much of it is still to be read.
    ready: Vec<EpollEvent>,
    left: usize,
    timeout: EpollTimeout,
}

impl<T: Transport> Watched<T> {
    /// A channel for each party but the reader: all near ends, and the far ones.
    pub(super) fn of_pairs(setup: &Setup) -> io::Result<(Self, Vec<T>)> {
        let pairs = (1..setup.parties).map(|_| T::pair(setup)).collect::<io::Result<Vec<_>>>()?;
        let (ends, writers): (Vec<T>, Vec<T>) = pairs.into_iter().unzip();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (number, end) in (0..).zip(&ends) {
            let fd = end.descriptor().ok_or_else(|| io::Error::other("epoll needs a descriptor to watch"))?;
            epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        }
        let timeout = if setup.waiting == Waiting::Spin { EpollTimeout::ZERO } else { EpollTimeout::NONE };
        let ready = vec![EpollEvent::empty(); ends.len()];
        Ok((Watched { epoll, ends, ready, left: 0, timeout }, writers))
    }

    #[inline]
    fn watch(&mut self) -> io::Result<()> {
        while self.left == 0 {
            self.left = until_done("epoll_wait", || self.epoll.wait(&mut self.ready, self.timeout))?;
        }
        Ok(())
    }
}

impl<T: Transport> Receive for Watched<T> {
    fn settle(&mut self) -> io::Result<()> {
        self.ends.iter_mut().try_for_each(Transport::settle)
    }

    #[inline]
    fn recv(&mut self, message: &mut [u8]) -> io::Result<()> {
        self.watch()?;
        self.left -= 1;
        let end = self.ready[self.left].data() as usize;
        self.ends[end].recv(message)
    }
}
