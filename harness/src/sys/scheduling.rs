//! Real-time scheduling, sched(7): first in, first out among those of one priority, before everybody of a lower one.
#![allow(unsafe_code)] // the call takes an address

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::refused;

/// `sched_setscheduler(0, SCHED_FIFO, priority)`: the calling thread, from now on. 1 is the lowest priority, 99 the highest.
/// Fails with `EPERM`, and then says what would allow it.
pub fn run_first_in_first_out(priority: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the address is that of a live parameter, which the call only reads.
    Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameter) }).map(drop).map_err(|errno| {
        let cause = if errno == Errno::EPERM { what_would_allow(priority) } else { String::new() };
        refused(format_args!("sched_setscheduler(SCHED_FIFO, {priority})"), errno, cause)
    })
}

fn what_would_allow(priority: i32) -> String {
    let allowed =
        getrlimit(Resource::RLIMIT_RTPRIO).map_or_else(|_| "no".into(), |(soft, _)| format!("priority {soft}"));
    format!(
        "; RLIMIT_RTPRIO allows {allowed}: raise it with `ulimit -r {priority}`, or give CAP_SYS_NICE; in a control group \
         without real-time bandwidth (cpu.rt_runtime_us is 0) neither helps"
    )
}

/// `setrlimit(RLIMIT_RTTIME)`: a real-time thread of this process, or of those forked from it, that runs for so long without
/// a call that blocks is ended by SIGXCPU, and after twice as long by SIGKILL. It guards against what nobody of a lower
/// priority could end.
pub fn limit_unbroken_time(limit: Duration) -> io::Result<()> {
    let us = limit.as_micros() as u64;
    setrlimit(Resource::RLIMIT_RTTIME, us, 2 * us)
        .map_err(|errno| refused(format_args!("setrlimit(RLIMIT_RTTIME) of {us} us"), errno, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing;

    #[test]
    fn a_thread_is_first_or_is_told_what_would_let_it_be() {
        let told = std::thread::spawn(|| run_first_in_first_out(1)).join().unwrap();
        if let Err(error) = told {
            let error = error.to_string();
            assert!(error.contains("sched_setscheduler(SCHED_FIFO, 1)"), "{error}");
            eprintln!("skipped: {error}");
        }
    }

    #[test]
    fn a_priority_that_there_is_none_of_is_refused() {
        let error = run_first_in_first_out(1000).unwrap_err().to_string();
        assert!(error.contains("sched_setscheduler(SCHED_FIFO, 1000): EINVAL"), "{error}");
    }

    #[test]
    fn who_never_blocks_is_ended() {
        let runs_on = testing::fork(|| {
            if limit_unbroken_time(Duration::from_millis(50)).is_err() || run_first_in_first_out(1).is_err() {
                return true;
            }
            loop {
                std::hint::spin_loop();
            }
        });
        // Where real-time scheduling is refused, it has nothing to show and leaves as one that succeeds.
        if runs_on.succeeded() {
            eprintln!("skipped: {}", run_first_in_first_out(1).unwrap_err());
        }
    }
}
