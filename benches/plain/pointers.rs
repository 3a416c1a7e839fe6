//! A pointer chase by hand: real pointers, one random cycle through all nodes.

use std::hint::black_box;
use std::ptr::null_mut;

use super::Plan;

/// Of pages of 4 KiB, until the process ends.
pub(super) fn map(bytes: usize) -> anyhow::Result<*mut *mut u8> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever the kernel likes.
    let start = unsafe { libc::mmap(null_mut(), bytes.max(4096), access, kind, -1, 0) };
    anyhow::ensure!(start != libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    // SAFETY: the range was just mapped.
    unsafe { libc::madvise(start, bytes.max(4096), libc::MADV_NOHUGEPAGE) };
    Ok(start.cast())
}

/// The nodes lie a stride apart, and each a line further into its stride than the one before.
pub(crate) fn chase(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (bytes, stride) = (plan.stage.setup.memory_bytes.unwrap_or(4096), plan.stage.setup.stride_bytes.unwrap_or(64));
    let start = map(bytes)?.cast::<u8>();
    let node = |at: usize| start.wrapping_add(at * stride + at % (stride / 64) * 64).cast::<*mut u8>();
    let mut order: Vec<usize> = (0..bytes / stride).collect();
    fastrand::shuffle(&mut order);
    for (&from, &to) in order.iter().zip(order.iter().cycle().skip(1)) {
        // SAFETY: both lie in the mapping, aligned to a line.
        unsafe { node(from).write(node(to).cast()) };
    }
    let mut at = node(order[0]);
    // SAFETY: each node holds the address of the next one.
    let times = plan.alone(|| at = unsafe { at.read() }.cast());
    black_box(at);
    times
}
