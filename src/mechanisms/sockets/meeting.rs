//! How the two ends of a Unix socket meet: made together by socketpair(2), or by a name, which is a path or an abstract one.
//!
//! A path lies in a private folder, and is unlinked once both ends exist. An abstract name is not a file: it is there as long
//! as the socket that is bound to it, and anybody in the network namespace can connect to it. So whoever accepts looks who
//! is there (SO_PEERCRED), and takes this worker only.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use ipcmark_harness::sys::names;
use nix::sys::socket::{MsgFlags, SockType, UnixAddr, getsockopt, recv, sockopt};
use nix::unistd::{Pid, getpid};

use super::listening::{accepted, bound, connect_to, connected, listening};
use crate::descriptor::{named, unix_pair};
use crate::mechanism::{Support, Waiting};

/// How two ends meet.
pub(super) trait Meeting: 'static {
    /// Both ends, blocking.
    fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)>;
}

/// Neither end has a name.
pub(super) struct Socketpair;
/// One end finds the other by a file in a folder.
pub(super) struct Path;
/// One end finds the other by an abstract name.
pub(super) struct Abstract;

impl Meeting for Socketpair {
    fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
        unix_pair(kind, Waiting::Block)
    }
}

/// Ways of meeting that take a name.
pub(super) trait Named: 'static {
    /// A new one.
    fn name() -> io::Result<Name>;

    /// Whether there are such names.
    fn support() -> Support {
        match names::held(|| Self::name().and_then(|name| bound(SockType::Stream, &name.address))) {
            Ok(_) => Support::Available,
            Err(error) => Support::Missing(format!("a Unix socket with a name: {error}")),
        }
    }
}

impl Named for Path {
    fn name() -> io::Result<Name> {
        let path = names::path()?;
        Ok(Name { address: UnixAddr::new(&path)?, file: Some((path, getpid())) })
    }
}

impl Named for Abstract {
    fn name() -> io::Result<Name> {
        Ok(Name { address: UnixAddr::new_abstract(names::next().as_bytes())?, file: None })
    }
}

/// The name of a socket. What it is a file of is unlinked on drop, in the process that made it: forked copies are dropped too.
pub(super) struct Name {
    pub(super) address: UnixAddr,
    file: Option<(PathBuf, Pid)>,
}

impl Drop for Name {
    fn drop(&mut self) {
        if let Some((path, _)) = self.file.take_if(|(_, maker)| *maker == getpid()) {
            // It is not there when binding failed.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl<N: Named> Meeting for N {
    fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
        names::held(|| if kind == SockType::Datagram { each_other::<N>() } else { by_listener::<N>(kind) })
    }
}

fn by_listener<N: Named>(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
    let name = N::name()?;
    let listener = listening(kind, &name.address)?;
    let near = connected(kind, &name.address)?;
    Ok((near, accepted_from(&listener, getpid())?))
}

/// Two datagram sockets, each bound and connected to the other: the kernel lets nobody else send to them then.
fn each_other<N: Named>() -> io::Result<(OwnedFd, OwnedFd)> {
    let (near_name, far_name) = (N::name()?, N::name()?);
    let near = bound(SockType::Datagram, &near_name.address)?;
    let far = bound(SockType::Datagram, &far_name.address)?;
    connect_to(&near, &far_name.address)?;
    connect_to(&far, &near_name.address)?;
    discard_all(&near);
    discard_all(&far);
    Ok((near, far))
}

/// The next connection made by this process; others are closed.
pub(super) fn accepted_from(listener: &OwnedFd, process: Pid) -> io::Result<OwnedFd> {
    loop {
        let end = accepted(listener)?;
        let credentials = getsockopt(&end, sockopt::PeerCredentials);
        if credentials.map_err(|errno| named("getsockopt(SO_PEERCRED)", errno))?.pid() == process.as_raw() {
            return Ok(end);
        }
    }
}

/// Takes what strangers sent before the sockets were connected to each other.
pub(super) fn discard_all(socket: &OwnedFd) {
    use std::os::fd::AsRawFd;
    while recv(socket.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT).is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    /// Who has a name first is not connected to: the listener's bind(2) comes before, and fails.
    #[test]
    fn where_somebody_else_listens_already_nobody_connects() {
        let name = Abstract::name().unwrap();
        for kind in [SockType::Stream, SockType::SeqPacket, SockType::Datagram] {
            let _stranger = bound(kind, &name.address).unwrap();
            let refused = bound(kind, &name.address).unwrap_err().to_string();
            assert!(refused.contains("EADDRINUSE"), "{refused}");
        }
    }

    #[test]
    fn another_process_that_connects_is_turned_away() {
        let name = Abstract::name().unwrap();
        let listener = listening(SockType::Stream, &name.address).unwrap();
        let address = name.address;
        let mut stranger = Command::new("true");
        #[allow(unsafe_code)]
        // SAFETY: between fork and exec it makes system calls only.
        unsafe {
            stranger.pre_exec(move || connected(SockType::Stream, &address).map(std::mem::forget))
        };
        assert!(stranger.status().unwrap().success());
        let near = connected(SockType::Stream, &name.address).unwrap();
        let far = accepted_from(&listener, getpid()).unwrap();
        nix::unistd::write(&near, &[7]).unwrap();
        let mut byte = [0];
        nix::unistd::read(&far, &mut byte).unwrap();
        assert_eq!(byte, [7]);
    }
}
