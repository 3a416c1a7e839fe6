//! One measurement at a time on a machine: two at once measure each other.
//!
//! A run of this user is kept out by flock(2) on folders that only this user can enter: `/run/user/<uid>` and the home directory, where
//! they are ours and of mode 0700. No file is made there, and the kernel ends the lock however the process ends. It holds in every
//! container and network namespace that has the folder.
//!
//! Beside that a run listens at an abstract address, unix(7), which every user of the network namespace sees. Any user can take it,
//! so what is there is checked and not trusted: the kernel says whose it is (`SO_PEERCRED`). A process of this user or of root counts as
//! a run; one of another user is told of ([`MeasuringLock::beside`]) and keeps none from measuring. Nothing is ever said over it.

mod folders;

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen, socket,
    sockopt::PeerCredentials,
};
use nix::unistd::{SysconfVar, geteuid, sysconf};

use crate::sys::process::stat;
use crate::sys::tried;
use folders::{Folder, Lock};

const ADDRESS: &[u8] = b"ipcmark.measures";
const ROOT: u32 = 0;
/// How long one that does not listen yet is given at a time.
const ANSWERING: Duration = Duration::from_millis(5);

/// Held while this process measures.
#[derive(Debug)]
pub struct MeasuringLock {
    _folders: Vec<Folder>,
    _listens: Option<OwnedFd>,
    beside: Option<Holder>,
}

/// Another process that measures, or that has the address by which runs see each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its number; none where it is in another namespace of processes, or does not answer.
    pub process: Option<i32>,
    /// Its effective user when it began to listen; none where it does not answer.
    pub user: Option<u32>,
    /// How long ago it started.
    pub age: Option<Duration>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(f, "process {process}")?,
            None => f.write_str("a process that cannot be seen from here")?,
        }
        if let Some(user) = self.user.filter(|user| *user != geteuid().as_raw()) {
            write!(f, " of user {user}")?;
        }
        self.age.map_or(Ok(()), |age| write!(f, ", started {} s ago", age.as_secs()))
    }
}

impl MeasuringLock {
    /// Takes the lock; none: another run of this user or of root has it.
    ///
    /// # Errors
    /// If there is no folder to lock, and no Unix socket here or no descriptor for one.
    pub fn take() -> io::Result<Option<MeasuringLock>> {
        MeasuringLock::take_at(ADDRESS, &folders::private())
    }

    /// A process of another user at the address by which runs see each other: it may measure, and need not.
    pub fn beside(&self) -> Option<&Holder> {
        self.beside.as_ref()
    }

    fn take_at(address: &[u8], places: &[PathBuf]) -> io::Result<Option<MeasuringLock>> {
        let mut locked = Vec::new();
        for place in places {
            match folders::lock(place) {
                Lock::Taken(folder) => locked.push(folder),
                Lock::Held => return Ok(None),
                Lock::Impossible => {}
            }
        }
        let (listens, beside) = match announce(address) {
            Ok(Announced::Here(listens)) => (Some(listens), None),
            Ok(Announced::Taken(holder)) if holder.counts() => return Ok(None),
            Ok(Announced::Taken(holder)) => (None, Some(holder)),
            // The folders are enough.
            Err(_) if !locked.is_empty() => (None, None),
            Err(error) => return Err(error),
        };
        Ok(Some(MeasuringLock { _folders: locked, _listens: listens, beside }))
    }
}

/// Which process has the address.
enum Announced {
    Here(OwnedFd),
    Taken(Holder),
}

fn announce(address: &[u8]) -> io::Result<Announced> {
    let listens = open()?;
    match bind(listens.as_raw_fd(), &UnixAddr::new_abstract(address)?) {
        Ok(()) => {
            // No connection is accepted: each stays in the queue while this process measures.
            listen(&listens, Backlog::MAXCONN)?;
            Ok(Announced::Here(listens))
        }
        Err(Errno::EADDRINUSE) => Ok(Announced::Taken(Holder::at(address).unwrap_or_default())),
        Err(errno) => Err(errno.into()),
    }
}

impl Holder {
    /// Asks who keeps this process from measuring: once a run, for each question takes one of some thousand places in a queue.
    pub fn ask() -> Holder {
        Holder::ask_at(ADDRESS, &folders::private())
    }

    fn ask_at(address: &[u8], places: &[PathBuf]) -> Holder {
        let of_folder = || places.iter().find_map(|place| folders::holder(place));
        let at_address = Holder::at(address).ok().filter(Holder::counts);
        at_address.or_else(|| of_folder().map(Holder::of_this_user)).unwrap_or_default()
    }

    fn of_this_user(process: i32) -> Holder {
        Holder { process: Some(process), user: Some(geteuid().as_raw()), age: age(process) }
    }

    /// Whether it keeps this process from measuring.
    fn counts(&self) -> bool {
        self.user.is_some_and(|user| user == geteuid().as_raw() || user == ROOT)
    }

    fn at(address: &[u8]) -> io::Result<Holder> {
        let (socket, address) = (open()?, UnixAddr::new_abstract(address)?);
        // Between its bind(2) and its listen(2) the other refuses.
        let answered = tried(20, ANSWERING, || connect(socket.as_raw_fd(), &address).is_ok());
        let peer = answered.then(|| getsockopt(&socket, PeerCredentials).ok()).flatten();
        let process = peer.map(|peer| peer.pid()).filter(|&process| process > 0);
        Ok(Holder { process, user: peer.map(|peer| peer.uid()), age: process.and_then(age) })
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

    use std::os::unix::fs::PermissionsExt;

    fn address(name: &str) -> Vec<u8> {
        format!("ipcmark.test.{name}.{}", std::process::id()).into_bytes()
    }

    #[test]
    fn the_second_is_told_who_the_first_is_and_gets_it_when_that_has_let_go() {
        let address = address("address");
        let first = MeasuringLock::take_at(&address, &[]).unwrap();
        assert!(MeasuringLock::take_at(&address, &[]).unwrap().is_none());
        // However many have asked before.
        for _ in 0..100 {
            let holder = Holder::ask_at(&address, &[]);
            assert_eq!(holder.process, Some(std::process::id() as i32));
            assert!(holder.age.is_some() && holder.to_string().contains("started"), "{holder}");
        }
        drop(first);
        assert!(MeasuringLock::take_at(&address, &[]).unwrap().is_some());
    }

    /// As in two network namespaces.
    #[test]
    fn a_folder_keeps_the_second_out_where_the_first_has_another_address() {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let places = [place.path().to_owned()];
        let first = MeasuringLock::take_at(&address("one"), &places).unwrap();
        assert!(first.is_some() && MeasuringLock::take_at(&address("two"), &places).unwrap().is_none());
        let holder = Holder::ask_at(&address("two"), &places);
        assert!(holder.process.is_none_or(|process| process == std::process::id() as i32), "{holder:?}");
        drop(first);
        assert!(MeasuringLock::take_at(&address("two"), &places).unwrap().is_some());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_this_user_and_root_keep_it_from_measuring() {
        let of = |user| Holder { user, ..Holder::default() };
        assert!(of(Some(geteuid().as_raw())).counts() && of(Some(ROOT)).counts());
        assert!(!of(Some(65534)).counts() && !of(None).counts());
        assert!(of(Some(65534)).to_string().contains("of user 65534"));
    }
}
