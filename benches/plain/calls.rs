//! System calls by hand, one after the other, their answers thrown away.

use std::ffi::{CStr, c_void};
use std::hint::black_box;

use super::Plan;

pub(crate) fn getppid(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    plan.alone(|| {
        // SAFETY: the call takes no argument.
        black_box(unsafe { libc::syscall(libc::SYS_getppid) });
    })
}

pub(crate) fn clock(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let now = black_box(&raw mut now);
    plan.alone(|| {
        // SAFETY: the address is that of a live timespec.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now) };
    })
}

pub(crate) fn read_dev_zero(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (zero, mut byte) = (open(c"/dev/zero", libc::O_RDONLY)?, 0_u8);
    plan.alone(|| {
        // SAFETY: room for one byte.
        black_box(unsafe { libc::read(zero, (&raw mut byte).cast::<c_void>(), 1) });
    })
}

pub(crate) fn write_dev_null(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (null, byte) = (open(c"/dev/null", libc::O_WRONLY)?, 7_u8);
    plan.alone(|| {
        // SAFETY: one byte.
        black_box(unsafe { libc::write(null, (&raw const byte).cast::<c_void>(), 1) });
    })
}

/// Open until the process ends.
fn open(path: &CStr, flags: libc::c_int) -> anyhow::Result<libc::c_int> {
    // SAFETY: the path ends in null.
    match unsafe { libc::open(path.as_ptr(), flags) } {
        fd if fd < 0 => anyhow::bail!("open of {path:?}: {}", std::io::Error::last_os_error()),
        fd => Ok(fd),
    }
}
