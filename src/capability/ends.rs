//! The ends that are experimented on, and how long is waited for what comes out of them.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;

use crate::mechanism::{Setup, Waiting};
use crate::shapes::erased::{End, Pair, TransportKind};
use crate::workloads::payload;

/// What counts as never, where that may be the answer: a party that has not come so far by then is held up.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);
/// And where something must come: beyond it, the mechanism hangs. A debug build that serializes 1 MiB byte by byte on a
/// busy machine takes longer than `PATIENCE`.
pub(super) const COMES_WITHIN: Duration = Duration::from_secs(5);
/// A message that fits in everywhere.
pub(super) const SMALL_BYTES: usize = 64;

pub(super) fn setup(waitings: &[Waiting], payload_bytes: usize) -> Setup {
    let waiting = if waitings.contains(&Waiting::Block) { Waiting::Block } else { waitings[0] };
    Setup::new(PeerKind::Thread, Placement::Unpinned, waiting, payload_bytes)
}

pub(super) fn pair(kind: &TransportKind, payload_bytes: usize) -> io::Result<Pair<dyn End>> {
    kind.settled(&setup(kind.waitings, payload_bytes))
}

/// What `recv` does with room for `len` bytes, if it does anything within `patience`; the end goes with it.
pub(super) fn received(mut end: Box<dyn End>, len: usize, patience: Duration) -> Option<io::Result<Vec<u8>>> {
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

pub(super) fn message(len: usize) -> Vec<u8> {
    let mut message = vec![0; len];
    payload::fill(&mut message, 7);
    message
}
