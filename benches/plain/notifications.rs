//! Notifications by hand: an eventfd there and one back.

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::Plan;

pub(crate) fn eventfd_round_trip_blocking(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let there = EventFd::from_flags(EfdFlags::EFD_SEMAPHORE)?;
    let back = EventFd::from_flags(EfdFlags::EFD_SEMAPHORE)?;
    let notify = |eventfd: &EventFd| write(eventfd, &1_u64.to_ne_bytes());
    let wait = |eventfd: &EventFd| read(eventfd, &mut [0; 8]);
    plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                let _ = wait(&there);
                let _ = notify(&back);
            }
        },
        || {
            plan.time(|| {
                let _ = notify(&there);
                let _ = wait(&back);
            })
        },
    )
}
