//! A token by hand: one byte through a pipe there, and through another back, as `perf bench sched pipe` and lmbench's lat_ctx.

use std::os::fd::OwnedFd;

use nix::unistd::{pipe, read, write};

use super::Plan;

/// Where the token comes from and where it goes, of one task.
type Place = (OwnedFd, OwnedFd);

fn two_places() -> anyhow::Result<(Place, Place)> {
    let ((far_in, near_out), (near_in, far_out)) = (pipe()?, pipe()?);
    Ok(((near_in, near_out), (far_in, far_out)))
}

fn hop((inbound, outbound): &Place) {
    let _ = read(inbound, &mut [0]);
    let _ = write(outbound, &[1]);
}

/// Nanoseconds a hop, of which a round trip has two.
fn hops(plan: &Plan, (near_in, near_out): &Place) -> Vec<f64> {
    let times = plan.time(|| {
        let _ = write(near_out, &[1]);
        let _ = read(near_in, &mut [0]);
    });
    times.into_iter().map(|round_trip| round_trip / 2.0).collect()
}

pub(crate) fn pipe_ring(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (near, far) = two_places()?;
    plan.in_two_processes(|| hop(&far), || hops(plan, &near))
}

pub(crate) fn pipe_ring_of_threads(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (near, far) = two_places()?;
    plan.in_two_threads(move || hop(&far), || hops(plan, &near))
}
