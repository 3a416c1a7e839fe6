//! One measurement at a time on a machine: two at once measure each other.
//!
//! Whoever measures listens at an abstract address, unix(7). The kernel lets one do so, frees it however the process ends, and
//! tells whoever connects who it is (`SO_PEERCRED`): no file that could stay, be planted or be forbidden. It is seen in one
//! network namespace, so runs in several containers do not see each other. Nothing is ever said over it. A stranger who sits
//! there keeps nobody from measuring: runs can be told to go ahead.

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen, socket,
    sockopt::PeerCredentials,
};
use nix::unistd::{SysconfVar, sysconf};

use crate::sys::process::stat;
use crate::sys::tried;

const ADDRESS: &[u8] = b"ipcmark.measures";
/// How long one that does not listen yet is given at a time.
const ANSWERING: Duration = Duration::from_millis(5);

/// Held while this process measures.
#[derive(Debug)]
pub struct MeasuringLock {
    _listens: OwnedFd,
}

/// Another process that measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number; none where it is in another namespace of processes, or does not answer.
    pub process: Option<i32>,
    /// How long ago it started.
    pub age: Option<Duration>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(f, "process {process}")?,
            None => f.write_str("a process that cannot be seen from here")?,
        }
        self.age.map_or(Ok(()), |age| write!(f, ", started {} s ago", age.as_secs()))
    }
}

impl MeasuringLock {
    /// Takes the lock; none: somebody else has it.
    ///
    /// # Errors
    /// If there are no Unix sockets here, or no descriptor for one.
    pub fn take() -> io::Result<Option<MeasuringLock>> {
        MeasuringLock::take_at(ADDRESS)
    }

    fn take_at(address: &[u8]) -> io::Result<Option<MeasuringLock>> {
        let listens = open()?;
        match bind(listens.as_raw_fd(), &UnixAddr::new_abstract(address)?) {
            Ok(()) => {
                // Nobody accepts: whoever asks stays in the queue while this process measures.
                listen(&listens, Backlog::MAXCONN)?;
                Ok(Some(MeasuringLock { _listens: listens }))
            }
            Err(Errno::EADDRINUSE) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Holder {
    /// Asks who has the lock: once a run, for each question takes one of some thousand places in a queue.
    pub fn ask() -> Holder {
        Holder::ask_at(ADDRESS).unwrap_or(Holder { process: None, age: None })
    }

    fn ask_at(address: &[u8]) -> io::Result<Holder> {
        let (socket, address) = (open()?, UnixAddr::new_abstract(address)?);
        // Between its bind(2) and its listen(2) the other refuses.
        let answered = tried(20, ANSWERING, || connect(socket.as_raw_fd(), &address).is_ok());
        let peer = answered.then(|| getsockopt(&socket, PeerCredentials).ok()).flatten();
        let process = peer.map(|peer| peer.pid()).filter(|&process| process > 0);
        Ok(Holder { process, age: process.and_then(age) })
    }
}

fn open() -> nix::Result<OwnedFd> {
    socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
}

fn age(process: i32) -> Option<Duration> {
    let start_ticks = stat(process).ok()?.start_ticks as f64;
    let up_s: f64 = std::fs::read_to_string("/proc/uptime").ok()?.split_whitespace().next()?.parse().ok()?;
    let ticks_per_s = sysconf(SysconfVar::CLK_TCK).ok()?? as f64;
    Duration::try_from_secs_f64(up_s - start_ticks / ticks_per_s).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is_and_gets_it_when_that_has_let_go() {
        let address = format!("ipcmark.test.{}", std::process::id());
        let first = MeasuringLock::take_at(address.as_bytes()).unwrap();
        assert!(MeasuringLock::take_at(address.as_bytes()).unwrap().is_none());
        // However many have asked before.
        for _ in 0..100 {
            let holder = Holder::ask_at(address.as_bytes()).unwrap();
            assert_eq!(holder.process, Some(std::process::id() as i32));
            assert!(holder.age.is_some() && holder.to_string().contains("started"), "{holder}");
        }
        drop(first);
        assert!(MeasuringLock::take_at(address.as_bytes()).unwrap().is_some());
    }
}
