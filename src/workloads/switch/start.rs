//! Whether so many tasks may be started at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use ipcmark_harness::parties::PeerKind;
use nix::sys::resource::{Resource, getrlimit};

use crate::mechanism::{Setup, Support};

/// Beside its tasks a run has the program itself, and its worker.
const OTHERS: usize = 1;

/// Tried with threads, which every limit counts as it counts processes, once for each number that is larger than any before.
pub(super) fn can_start(setup: &Setup) -> Support {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let peers = setup.parties - 1;
    // A process in this address space has a thread that awaits its end.
    let tasks = OTHERS + if setup.peer == PeerKind::CloneVm { 2 * peers } else { peers };
    // Relaxed: a number that is known late is tried once more.
    if tasks <= STARTED.load(Ordering::Relaxed) {
        return Support::Available;
    }
    match start(tasks) {
        Ok(()) => {
            STARTED.fetch_max(tasks, Ordering::Relaxed);
            Support::Available
        }
        Err(error) => {
            let allowed = getrlimit(Resource::RLIMIT_NPROC).map_or_else(|_| "few".into(), |(soft, _)| soft.to_string());
            Support::Missing(format!(
                "{tasks} tasks cannot be started: {error}; RLIMIT_NPROC allows the user {allowed} in all (`ulimit -u`), and \
                 pids.max of the control group may allow fewer"
            ))
        }
    }
}

/// All of them at once.
fn start(tasks: usize) -> std::io::Result<()> {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        let _closed = gate.lock();
        (0..tasks).try_for_each(|_| {
            let builder = Builder::new().stack_size(64 << 10);
            builder.spawn_scoped(scope, || drop(gate.lock())).map(drop)
        })
    })
}
