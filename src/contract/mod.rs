//! The contract of each shape, clause by clause, as code that tries it on any implementation.
//!
//! The clauses stand as bullets in the documentation of the shapes' traits; a test compares the two. All ends live in this
//! process here, the far ones in threads: that the same holds between processes is what `verify` shows.

mod barrier;
pub(crate) mod busy;
pub(crate) mod call;
mod counter;
mod dinner;
mod fan;
mod lock;
mod lock_death;
mod once;
pub(crate) mod operation;
mod permits;
mod policy;
mod region;
mod rendezvous;
mod rw_lock;
mod token_ring;
mod transport;
mod wakeup;

#[cfg(test)]
mod coordination_tests;
#[cfg(test)]
pub(crate) mod counter_tests;
#[cfg(test)]
pub(crate) mod lock_tests;
#[cfg(test)]
pub(crate) mod region_tests;
#[cfg(test)]
pub(crate) mod rw_lock_tests;
#[cfg(test)]
pub(crate) mod token_ring_tests;
#[cfg(test)]
pub(crate) mod transport_tests;
#[cfg(test)]
mod wakeup_tests;

use std::io;
use std::path::PathBuf;

use ipcmark_harness::sys::names;

use crate::mechanism::Verdict;

pub use barrier::barrier;
pub use busy::busy;
pub use call::call;
pub use counter::counter;
pub use dinner::dinner;
pub use fan::{fan_in, fan_out};
pub use lock::lock;
pub use once::once;
pub use operation::operation;
pub use permits::permits;
pub use policy::policy;
pub use region::region;
pub use rendezvous::rendezvous;
pub use rw_lock::rw_lock;
pub use token_ring::token_ring;
pub use transport::transport;
pub use wakeup::wakeup;

fn broken(what: impl Into<String>) -> io::Result<Verdict> {
    Ok(Verdict::Broken(what.into()))
}

/// POSIX shared memory and semaphores, FIFOs and sockets show as files; queues only where their file system is mounted.
fn no_name_is_left() -> io::Result<Verdict> {
    let token = names::token_prefix();
    for folder in ["/dev/shm", "/dev/mqueue"].map(PathBuf::from).into_iter().chain(names::folders()) {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let left = entries.flatten().find(|entry| entry.file_name().to_string_lossy().contains(&token));
        if let Some(entry) = left {
            return broken(format!("{} is still there while both ends live", entry.path().display()));
        }
    }
    Ok(Verdict::Kept)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::mechanisms;

    #[test]
    fn every_clause_is_a_bullet_of_its_shape_and_every_bullet_a_clause() {
        let sources = [
            include_str!("../shapes/transport.rs"),
            include_str!("../shapes/wakeup.rs"),
            include_str!("../shapes/fan.rs"),
            include_str!("../shapes/rendezvous.rs"),
            include_str!("../shapes/lock.rs"),
            include_str!("../shapes/rw_lock.rs"),
            include_str!("../shapes/counter.rs"),
            include_str!("../shapes/permits.rs"),
            include_str!("../shapes/barrier.rs"),
            include_str!("../shapes/dinner.rs"),
            include_str!("../shapes/once.rs"),
            include_str!("../shapes/operation.rs"),
            include_str!("../shapes/region.rs"),
            include_str!("../shapes/call.rs"),
            include_str!("../shapes/policy.rs"),
            include_str!("../shapes/busy.rs"),
            include_str!("../shapes/token_ring.rs"),
        ];
        let bullet = |line: &'static str| line.trim().strip_prefix("/// - **")?.split("**").next();
        let bullets: BTreeSet<&str> = sources.into_iter().flat_map(str::lines).filter_map(bullet).collect();
        let clauses: BTreeSet<&str> = mechanisms::all().flat_map(|m| m.contract()).map(|clause| clause.name).collect();
        assert_eq!(bullets, clauses);
    }
}
