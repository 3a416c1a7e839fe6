//! Names for kernel objects: unpredictable, ours, and gone again whatever is killed.
//!
//! A name is `ipcmark-<token>-<n>`. The front end draws the token (64 bits of getrandom(2)) for each worker and passes it
//! on; so it can remove what a killed worker left in the few microseconds between creating a name and unlinking it. That
//! window is [`held`] against the parent-death signal, so the front end's own death cannot fall into it.

use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};

/// The token of this worker; 0 until `adopt`.
static TOKEN: AtomicU64 = AtomicU64::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How many names one worker may use: `sweep` tries each. A cell takes two; a contract clause that makes a new pair for
/// every message size takes two for each of fifteen sizes.
const NAMES_PER_WORKER: u64 = 64;

/// The signal the kernel sends a worker when its front end dies: it can be held back for a moment, unlike SIGKILL.
pub const PARENT_DEATH: Signal = Signal::SIGTERM;

/// A token nobody can guess: 64 bits of getrandom(2), through the standard library's hasher keys.
pub fn draw_token() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() | 1
}

/// Makes `token` the prefix of all names of this process.
pub fn adopt(token: u64) {
    TOKEN.store(token, Ordering::Relaxed);
}

/// The next unused name, without a leading slash. Where no front end gave a token, a fresh one is drawn.
///
/// # Panics
/// After 64 names: nothing in the suite needs more, and `sweep` would not find them.
pub fn next() -> String {
    let _ = TOKEN.compare_exchange(0, draw_token(), Ordering::Relaxed, Ordering::Relaxed);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(n < NAMES_PER_WORKER, "a worker may name {NAMES_PER_WORKER} kernel objects, this is number {n}");
    name(TOKEN.load(Ordering::Relaxed), n)
}

/// What every name of this process begins with.
pub fn token_prefix() -> String {
    format!("ipcmark-{:016x}-", TOKEN.load(Ordering::Relaxed))
}

/// Runs `create_and_unlink` with the parent-death signal held back until it returns.
pub fn held<R>(create_and_unlink: impl FnOnce() -> R) -> R {
    let mut signals = SigSet::empty();
    signals.add(PARENT_DEATH);
    let mut before = SigSet::empty();
    // An error is impossible (valid arguments); were there one, the window would merely stay open.
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), Some(&mut before));
    let result = create_and_unlink();
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    result
}

/// Removes every POSIX queue and shared memory object that a dead worker with this token may have left.
pub fn sweep(token: u64) {
    for n in 0..NAMES_PER_WORKER {
        let path = format!("/{}", name(token, n));
        // ENOENT is the usual answer: workers unlink each name themselves, at once.
        let _ = nix::mqueue::mq_unlink(path.as_str());
        let _ = nix::sys::mman::shm_unlink(path.as_str());
    }
}

fn name(token: u64, n: u64) -> String {
    format!("ipcmark-{token:016x}-{n}")
}
