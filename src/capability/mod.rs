//! What a mechanism can do, found out by trying it: the table in the README and in `list --capabilities`.
//!
//! Nothing here is what a mechanism says of itself. Each answer is an experiment on a fresh pair of ends, run in a worker of its
//! own, since some of them leave a thread waiting for ever.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;
use ipcmark_harness::sys::memory::Buffer;
use ipcmark_harness::sys::process;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, getsockname, recvmsg, sendmsg, sendto,
};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::mechanism::{Setup, Support, Waiting};
use crate::shapes::erased::{End, Pair, TransportKind, WakeupKind, at_the_same_time};
use crate::workloads::payload;

/// What was seen of one mechanism; none: the question makes no sense for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// One `recv` gives one message.
    pub boundaries: Option<bool>,
    /// Bytes of payload that it takes, in messages of 4 KiB (or its largest), before the sender has to wait.
    pub holds_bytes: Option<Holds>,
    /// A message can be taken after its writer was killed.
    pub outlives_writer: Option<bool>,
    /// One descriptor carries both directions.
    pub both_ways: Option<bool>,
    /// It carries file descriptors.
    pub carries_descriptors: Option<bool>,
    /// epoll(7) tells when something has come.
    pub epoll: Option<bool>,
    /// The largest message it takes whole, up to 1 MiB.
    pub largest: Option<Largest>,
    /// One end has an address by which the other found it.
    pub has_address: Option<bool>,
    /// That address is one that other hosts can reach.
    pub across_hosts: Option<bool>,
}

/// How much fits into a channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// So many bytes; then the sender waits.
    Bytes(u64),
    /// More than was tried.
    Unbounded,
}

/// How large a message may be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Largest {
    /// So many bytes.
    Bytes(usize),
    /// At least the 1 MiB that was tried.
    Any,
}

/// The table's columns after the mechanism's name.
pub const QUESTIONS: [&str; 9] = [
    "keeps boundaries",
    "holds before the sender waits",
    "message outlives a killed writer",
    "ends meet by",
    "one descriptor both ways",
    "carries descriptors",
    "epoll",
    "largest message",
    "across hosts",
];

impl Capabilities {
    /// The answers to [`QUESTIONS`]; a dash where the question makes no sense. `by_name`, `in_one_process`: how ends meet.
    pub fn answers(&self, by_name: bool, in_one_process: bool) -> [String; QUESTIONS.len()] {
        let word = |answer: Option<bool>| match answer {
            Some(true) => "yes".to_owned(),
            Some(false) => "no".to_owned(),
            None => "–".to_owned(),
        };
        let holds = self.holds_bytes.map_or_else(
            || "–".into(),
            |holds| match holds {
                Holds::Bytes(0) => "nothing".into(),
                Holds::Bytes(bytes) => amount(bytes),
                Holds::Unbounded => "any amount".into(),
            },
        );
        let largest = self.largest.map_or_else(
            || "–".into(),
            |largest| match largest {
                Largest::Bytes(bytes) => amount(bytes as u64),
                Largest::Any => "any".into(),
            },
        );
        let meet = match (by_name || self.has_address == Some(true), in_one_process) {
            (true, _) => "a name",
            (false, true) => "shared memory of the process",
            (false, false) => "kinship",
        };
        [
            word(self.boundaries),
            holds,
            word(self.outlives_writer),
            meet.into(),
            word(self.both_ways),
            word(self.carries_descriptors),
            word(self.epoll),
            largest,
            word(self.across_hosts),
        ]
    }
}

/// `64 KiB`, `65507 B`.
fn amount(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 10 && b.is_multiple_of(1 << 10) => format!("{} KiB", b >> 10),
        b => format!("{b} B"),
    }
}

/// What counts as never, where that may be the answer: a party that has not come so far by then is held up.
const PATIENCE: Duration = Duration::from_millis(200);
/// And where something must come: beyond it, the mechanism hangs. A debug build that serializes 1 MiB byte by byte on a
/// busy machine takes longer than `PATIENCE`.
const COMES_WITHIN: Duration = Duration::from_secs(5);
/// A sender that does not get on for so long waits for room.
const STALLED: Duration = Duration::from_millis(100);
/// A channel that takes so many bytes without a reader is as good as unbounded.
const MOST_HELD: u64 = 64 << 20;
const TRIED_BYTES: usize = 1 << 20;
const SMALL_BYTES: usize = 64;

/// What can be seen of a transport.
pub(crate) fn of_transport(kind: &TransportKind) -> io::Result<Capabilities> {
    if !kind.delivers {
        return Ok(Capabilities::default());
    }
    // First: it forks, which it must not when another experiment has left a thread.
    let outlives_writer = Some(outlives_writer(kind)?);
    let largest = largest(kind)?;
    let address = address(kind)?;
    Ok(Capabilities {
        outlives_writer,
        boundaries: Some(keeps_boundaries(kind)?),
        holds_bytes: Some(holds(kind, largest.min(4096))?),
        both_ways: Some(both_ways(kind)?),
        carries_descriptors: Some(carries_descriptors(kind)?),
        epoll: Some(tells_epoll(kind)?),
        largest: Some(if largest >= TRIED_BYTES { Largest::Any } else { Largest::Bytes(largest) }),
        has_address: Some(address.is_some()),
        across_hosts: Some(address.is_some_and(|address| is_routed(&address))),
    })
}

/// What can be seen of a notification.
pub(crate) fn of_wakeup(kind: &WakeupKind) -> io::Result<Capabilities> {
    if !kind.lasts {
        return Ok(Capabilities::default());
    }
    let (mut near, mut far) = (kind.pair)(&setup(kind.waitings, 0))?;
    at_the_same_time(|| near.settle(), || far.settle())?;
    let epoll = match Watch::of(near.descriptor())? {
        Some(watch) => !watch.is_ready() && far.notify().is_ok() && watch.is_ready(),
        None => false,
    };
    Ok(Capabilities { epoll: Some(epoll), ..Capabilities::default() })
}

fn setup(waitings: &[Waiting], payload_bytes: usize) -> Setup {
    let waiting = if waitings.contains(&Waiting::Block) { Waiting::Block } else { waitings[0] };
    Setup::new(PeerKind::Thread, Placement::Unpinned, waiting, payload_bytes)
}

fn pair(kind: &TransportKind, payload_bytes: usize) -> io::Result<Pair<dyn End>> {
    kind.settled(&setup(kind.waitings, payload_bytes))
}

/// What `recv` does with room for `len` bytes, if it does anything within `patience`; the end goes with it.
fn received(mut end: Box<dyn End>, len: usize, patience: Duration) -> Option<io::Result<Vec<u8>>> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut message = vec![0; len];
        let result = end.recv(&mut message).map(|()| message);
        let _ = tell.send(result);
        // The end stays open: closing it here may wake or fail what is tried beside it.
        std::mem::forget(end);
    });
    told.recv_timeout(patience).ok()
}

fn message(len: usize) -> Vec<u8> {
    let mut message = vec![0; len];
    payload::fill(&mut message, 7);
    message
}

/// Three bytes and five: a stream gives eight at once.
fn keeps_boundaries(kind: &TransportKind) -> io::Result<bool> {
    let (near, mut far) = pair(kind, 8)?;
    // In a thread: where nothing is buffered, sending waits for the receiver.
    let sender = std::thread::spawn(move || far.send(b"abc").and_then(|()| far.send(b"defgh")).map(|()| far));
    let got = received(near, 8, COMES_WITHIN);
    if sender.is_finished() {
        drop(sender.join())
    }
    match got {
        Some(Ok(bytes)) if bytes == *b"abcdefgh" => Ok(false),
        Some(Err(_)) => Ok(true),
        other => Err(io::Error::other(format!("three bytes and five, taken with room for eight, gave {other:?}"))),
    }
}

/// The largest size that `supports` admits and that does arrive.
fn largest(kind: &TransportKind) -> io::Result<usize> {
    let admits = |bytes: usize| (kind.supports)(&setup(kind.waitings, bytes)) == Support::Available;
    let (mut low, mut high) = (1, TRIED_BYTES + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if admits(middle) { low = middle } else { high = middle }
    }
    let (near, mut far) = pair(kind, low)?;
    let sent = message(low);
    let copy = sent.clone();
    std::thread::spawn(move || {
        let _ = far.send(&copy);
        // The message stays, too: it may have been lent.
        std::mem::forget((far, copy));
    });
    match received(near, low, COMES_WITHIN) {
        Some(Ok(got)) if got == sent => Ok(low),
        other => {
            Err(io::Error::other(format!("a message of {low} bytes did not arrive: {:?}", other.map(|r| r.map(drop)))))
        }
    }
}

/// How much goes in before the sender waits.
fn holds(kind: &TransportKind, bytes: usize) -> io::Result<Holds> {
    let (near, mut far) = pair(kind, bytes)?;
    let (sent, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, stop) = (Arc::clone(&sent), Arc::clone(&enough));
    // Aligned to pages, as what is measured: a pipe that takes pages takes as few as can be.
    let mut message = Buffer::new(bytes)?;
    payload::fill(&mut message, 7);
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) && far.send(&message).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
        std::mem::forget(far);
    });
    let mut seen = u64::MAX;
    loop {
        let now = sent.load(Ordering::Relaxed);
        let held = now * bytes as u64;
        if now == seen || held >= MOST_HELD {
            enough.store(true, Ordering::Relaxed);
            std::mem::forget(near);
            return Ok(if held >= MOST_HELD { Holds::Unbounded } else { Holds::Bytes(held) });
        }
        seen = now;
        std::thread::sleep(STALLED);
    }
}

/// What is written into the very descriptor that one reads from reaches the other end.
fn both_ways(kind: &TransportKind) -> io::Result<bool> {
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

/// A descriptor of the null device goes over as SCM_RIGHTS, and what comes out is that device.
fn carries_descriptors(kind: &TransportKind) -> io::Result<bool> {
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
fn tells_epoll(kind: &TransportKind) -> io::Result<bool> {
    let (near, mut far) = pair(kind, SMALL_BYTES)?;
    let Some(watch) = Watch::of(near.descriptor())? else { return Ok(false) };
    let before = watch.is_ready();
    far.send(&message(SMALL_BYTES))?;
    Ok(!before && watch.is_ready())
}

/// A child sends a message and is killed; then the message is there.
fn outlives_writer(kind: &TransportKind) -> io::Result<bool> {
    let (near, far) = (kind.pair)(&Setup { peer: PeerKind::Process, ..setup(kind.waitings, SMALL_BYTES) })?;
    let sent = message(SMALL_BYTES);
    let (await_settled, settled) = io::pipe()?;
    let mut ends = Some((near, far, settled));
    let child = process::fork(|| {
        let Some((near, mut far, settled)) = ends.take() else { return 1 };
        drop((near, settled));
        // Ended by the other process, which closes its end once it has settled, too.
        let both_settled = far.settle().and_then(|()| io::copy(&mut &await_settled, &mut io::sink()));
        if both_settled.and_then(|_| far.send(&sent)).is_ok() {
            let _ = raise(Signal::SIGKILL);
        }
        1
    })?;
    let Some((mut near, far, settled)) = ends else { return Ok(false) };
    drop(far);
    let done = near.settle();
    drop(settled);
    await_death(child)?;
    done?;
    Ok(matches!(received(near, SMALL_BYTES, PATIENCE), Some(Ok(got)) if got == sent))
}

/// Waits for the child; one that is held up in sending is killed there.
fn await_death(child: Pid) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while waitpid(child, Some(WaitPidFlag::WNOHANG))? == WaitStatus::StillAlive {
        if Instant::now() > deadline {
            kill(child, Signal::SIGKILL)?;
            waitpid(child, None)?;
            return Ok(());
        }
        std::thread::sleep(PATIENCE / 100);
    }
    Ok(())
}

fn sent_to_other_end(from: BorrowedFd<'_>, to: Option<BorrowedFd<'_>>, message: &[u8]) -> bool {
    let address = to.and_then(|to| getsockname::<SockaddrStorage>(to.as_raw_fd()).ok());
    address.is_some_and(|to| sendto(from.as_raw_fd(), message, &to, MsgFlags::MSG_DONTWAIT) == Ok(message.len()))
}

/// The address of either end's descriptor, where that is a socket that has one: no socketpair has.
fn address(kind: &TransportKind) -> io::Result<Option<SockaddrStorage>> {
    let (near, far) = pair(kind, SMALL_BYTES)?;
    let of = |end: &dyn End| getsockname::<SockaddrStorage>(end.descriptor()?.as_raw_fd()).ok();
    let named = |address: &SockaddrStorage| {
        address.as_unix_addr().is_none_or(|unix| unix.path().is_some() || unix.as_abstract().is_some())
    };
    Ok([of(&*near), of(&*far)].into_iter().flatten().find(named))
}

/// A family that is routed.
fn is_routed(address: &SockaddrStorage) -> bool {
    address.as_sockaddr_in().is_some() || address.as_sockaddr_in6().is_some()
}

/// epoll(7) on one descriptor.
struct Watch(Epoll);

impl Watch {
    /// None: there is no descriptor, or epoll does not take it.
    fn of(fd: Option<BorrowedFd<'_>>) -> io::Result<Option<Watch>> {
        let Some(fd) = fd else { return Ok(None) };
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let added = epoll.add(fd.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0));
        Ok(added.is_ok().then_some(Watch(epoll)))
    }

    fn is_ready(&self) -> bool {
        // A moment: loopback and pseudo-terminals deliver from another context.
        let timeout = EpollTimeout::from(PATIENCE.as_millis() as u8);
        self.0.wait(&mut [EpollEvent::empty()], timeout) == Ok(1)
    }
}
