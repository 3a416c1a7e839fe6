//! What becomes of messages: whether they keep their boundaries, how long one may be, how many wait for a reader.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::sys::memory::Buffer;

use super::answers::Holds;
use super::ends::{COMES_WITHIN, message, pair, received, setup};
use crate::mechanism::Support;
use crate::shapes::erased::TransportKind;
use crate::workloads::payload;

/// A sender that does not get on for so long waits for room.
const STALLED: Duration = Duration::from_millis(100);
/// A channel that takes so many bytes without a reader is as good as unbounded.
const MOST_HELD: u64 = 64 << 20;
pub(super) const TRIED_BYTES: usize = 1 << 20;

/// Three bytes and five: a stream gives eight at once.
pub(super) fn keeps_boundaries(kind: &TransportKind) -> io::Result<bool> {
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
pub(super) fn largest(kind: &TransportKind) -> io::Result<usize> {
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
pub(super) fn holds(kind: &TransportKind, bytes: usize) -> io::Result<Holds> {
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
        ipcmark_harness::sys::sleep(STALLED);
    }
}
