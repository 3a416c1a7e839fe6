//! A token by hand: one byte through a pipe there, and through another back, as `perf bench sched pipe` and lmbench's lat_ctx.

use nix::unistd::{pipe, read, write};

use super::Plan;

/// Nanoseconds a hop, of which a round trip has two.
pub(crate) fn pipe_ring(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let ((far_in, near_out), (near_in, far_out)) = (pipe()?, pipe()?);
    let times = plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                let _ = read(&far_in, &mut [0]);
                let _ = write(&far_out, &[1]);
            }
        },
        || {
            plan.time(|| {
                let _ = write(&near_out, &[1]);
                let _ = read(&near_in, &mut [0]);
            })
        },
    )?;
    Ok(times.into_iter().map(|round_trip| round_trip / 2.0).collect())
}
