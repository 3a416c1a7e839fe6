//! What a party of the program under test does to itself when it is told to: by SIGUSR1 it leaves at once, wherever it is; after
//! SIGUSR2 a worker panics in the next thing that it is asked for. Peers are forked with the first of the two.
#![allow(unsafe_code)] // signal handlers

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipcmark::cell;
use ipcmark_harness::clock::Clock;
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::process::exit_now;
use ipcmark_harness::worker::{Opened, Trade};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use serde_json::Value;

/// The order to leave.
pub(crate) const LEAVE: Signal = Signal::SIGUSR1;
/// With this code.
pub(crate) const CODE: i32 = 3;
/// The order to panic.
pub(crate) const PANIC: Signal = Signal::SIGUSR2;

/// Whether the next thing is to panic.
static PANICS: AtomicBool = AtomicBool::new(false);

/// From now on both orders are followed.
pub(crate) fn expect_orders() {
    for (signal, handler) in [(LEAVE, leave as extern "C" fn(i32)), (PANIC, remember)] {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: one handler calls _exit(2), the other stores to an atomic; both are async-signal-safe.
        unsafe { sigaction(signal, &action) }.expect("a signal handler");
    }
}

extern "C" fn leave(_: i32) {
    exit_now(CODE);
}

extern "C" fn remember(_: i32) {
    PANICS.store(true, Ordering::Relaxed);
}

/// The suite's own sessions, each in a wrapper.
pub(crate) const TRADE: Trade = Trade { open, answer: cell::TRADE.answer };

fn open(spec: &Value, clock: Clock) -> Opened {
    let session = Obedient((cell::TRADE.open)(spec, clock)?);
    panic_if_told();
    Ok(Box::new(session))
}

fn panic_if_told() {
    assert!(!PANICS.swap(false, Ordering::Relaxed), "told to panic");
}

struct Obedient(Box<dyn Session>);

impl Session for Obedient {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        panic_if_told();
        self.0.batch(iterations)
    }

    fn offers_each(&self) -> bool {
        self.0.offers_each()
    }

    fn each_wants_long_operations(&self) -> bool {
        self.0.each_wants_long_operations()
    }

    fn wants_windows_of(&self) -> Option<Duration> {
        self.0.wants_windows_of()
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        panic_if_told();
        self.0.each(iterations, latencies)
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        panic_if_told();
        self.0.window(duration)
    }

    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        panic_if_told();
        self.0.verify(iterations, duration)
    }

    fn notes(&self) -> Vec<String> {
        self.0.notes()
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        panic_if_told();
    }
}
