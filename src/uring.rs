//! io_uring(7): making a ring, or saying why there is none; submitting and waiting.

use std::io;

use io_uring::{Builder, IoUring};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::mechanism::Waiting;

/// `io_uring_setup(entries)` with the builder's flags.
pub fn new_ring(builder: &Builder, entries: u32) -> io::Result<IoUring> {
    builder.build(entries).map_err(errno).map_err(|errno| {
        let cause = match errno {
            Errno::EPERM => who_is_allowed(),
            Errno::ENOSYS => "the kernel was built without io_uring, or a sandbox (seccomp) hides it".into(),
            Errno::ENOMEM => memory_that_may_be_locked(),
            Errno::EINVAL => "this kernel is older than one of the flags".into(),
            _ => "see io_uring_setup(2)".into(),
        };
        io::Error::other(format!("io_uring_setup: {errno}; {cause}"))
    })
}

/// What a ring counts against: before Linux 5.12, and again since 6.14 (`io_create_region`).
fn memory_that_may_be_locked() -> String {
    let allowed = getrlimit(Resource::RLIMIT_MEMLOCK).map_or_else(|_| "few".into(), |(soft, _)| soft.to_string());
    format!("a user's rings count against RLIMIT_MEMLOCK, which allows {allowed} bytes; raise it with `ulimit -l`")
}

/// What `kernel.io_uring_disabled` says.
fn who_is_allowed() -> String {
    let setting = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    match setting("io_uring_disabled").trim() {
        "2" => "kernel.io_uring_disabled is 2: nobody may, until it is set to 0".into(),
        "1" => {
            let group = setting("io_uring_group");
            format!("kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and group {} may (io_uring_group)", group.trim())
        }
        "0" => "kernel.io_uring_disabled is 0, so a sandbox (seccomp) forbids it".into(),
        _ => "there is no kernel.io_uring_disabled, so a sandbox (seccomp) forbids it".into(),
    }
}

/// Submits what is in the queue; waits for a completion, too, unless the parties poll. An error means that nothing was
/// submitted.
#[inline]
pub fn submit(ring: &IoUring, waiting: Waiting) -> Result<(), Errno> {
    loop {
        match ring.submit_and_wait(usize::from(waiting != Waiting::Spin)) {
            Ok(0) => {}
            Ok(_) => return Ok(()),
            Err(error) => match errno(error) {
                Errno::EINTR | Errno::EAGAIN | Errno::EBUSY => {}
                errno => return Err(errno),
            },
        }
    }
}

/// What the next operation to be done returned: a negative errno if it failed.
#[inline]
pub fn await_completion(ring: &mut IoUring, waiting: Waiting) -> i32 {
    loop {
        if let Some(completion) = ring.completion().next() {
            return completion.result();
        }
        // Whatever these say, the queue is looked at again: a signal may have ended the wait.
        if waiting != Waiting::Spin {
            let _ = ring.submit_and_wait(1);
        } else if ring.submission().taskrun() {
            let _ = ring.submit();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// The number of an error that a system call returned.
#[cold]
pub fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
