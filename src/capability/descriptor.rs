//! What the descriptor of an end can do: carry both directions, carry descriptors, tell epoll(7).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, getsockname, recvmsg, sendmsg, sendto,
};

use super::ends::{PATIENCE, SMALL_BYTES, message, pair, received};
use crate::shapes::erased::TransportKind;

/// What is written into the very descriptor that one reads from reaches the other end.
pub(super) fn both_ways(kind: &TransportKind) -> io::Result<bool> {
    let (near, far) = pair(kind, SMALL_BYTES)?;
    let sent = message(SMALL_BYTES);
    let written = match near.descriptor() {
        None => false,
        Some(fd) => match nix::unistd::write(fd, &sent) {
            // A socket that is not connected wants to be told where to: the other end's address.
            Err(Errno::EDESTADDRREQ) => sent_to_other_end(fd, far.descriptor(), &sent),
            result => result == Ok(SMALL_BYTES),
        },
    };
    let arrived = written && matches!(received(far, SMALL_BYTES, PATIENCE), Some(Ok(got)) if got == sent);
    Ok(arrived)
}

fn sent_to_other_end(from: BorrowedFd<'_>, to: Option<BorrowedFd<'_>>, message: &[u8]) -> bool {
    let address = to.and_then(|to| getsockname::<SockaddrStorage>(to.as_raw_fd()).ok());
    address.is_some_and(|to| sendto(from.as_raw_fd(), message, &to, MsgFlags::MSG_DONTWAIT) == Ok(message.len()))
}

/// A descriptor of the null device goes over as SCM_RIGHTS, and what comes out is that device.
pub(super) fn carries_descriptors(kind: &TransportKind) -> io::Result<bool> {
    let (near, far) = pair(kind, SMALL_BYTES)?;
    let (Some(from), Some(to)) = (far.descriptor(), near.descriptor()) else { return Ok(false) };
    let null = std::fs::File::open("/dev/null")?;
    let fds = [null.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    let sent = sendmsg::<()>(from.as_raw_fd(), &[IoSlice::new(b"x")], &rights, MsgFlags::MSG_DONTWAIT, None);
    if sent.is_err() {
        return Ok(false);
    }
    let mut byte = [0; 1];
    let mut space = nix::cmsg_space!(RawFd);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let Ok(got) = recvmsg::<()>(to.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_DONTWAIT) else {
        return Ok(false);
    };
    let came = got.cmsgs()?.find_map(|part| match part {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    let Some(came) = came else { return Ok(false) };
    #[allow(unsafe_code)]
    // SAFETY: the kernel has just made this descriptor for us.
    let came = unsafe { OwnedFd::from_raw_fd(came) };
    Ok(nix::sys::stat::fstat(&came)?.st_rdev == nix::sys::stat::fstat(&null)?.st_rdev)
}

/// Not ready before a message, ready after it.
pub(super) fn tells_epoll(kind: &TransportKind) -> io::Result<bool> {
    let (near, mut far) = pair(kind, SMALL_BYTES)?;
    let Some(watch) = Watch::of(near.descriptor())? else { return Ok(false) };
    let before = watch.is_ready();
    far.send(&message(SMALL_BYTES))?;
    Ok(!before && watch.is_ready())
}

/// epoll(7) on one descriptor.
pub(super) struct Watch(Epoll);

impl Watch {
    /// None: there is no descriptor, or epoll does not take it.
    pub(super) fn of(fd: Option<BorrowedFd<'_>>) -> io::Result<Option<Watch>> {
        let Some(fd) = fd else { return Ok(None) };
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let added = epoll.add(fd.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0));
        Ok(added.is_ok().then_some(Watch(epoll)))
    }

    pub(super) fn is_ready(&self) -> bool {
        // A moment: loopback and pseudo-terminals deliver from another context.
        let timeout = EpollTimeout::from(PATIENCE.as_millis() as u8);
        self.0.wait(&mut [EpollEvent::empty()], timeout) == Ok(1)
    }
}
