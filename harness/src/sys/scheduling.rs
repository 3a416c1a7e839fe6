//! Scheduling policies, sched(7): among real-time threads, first in, first out among those of one priority, before everybody
//! of a lower one.
#![allow(unsafe_code)] // the calls take addresses

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::refused;

/// How the kernel chooses when a thread runs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_OTHER`: fair shares, as every thread has at first.
    Other,
    /// `SCHED_BATCH`: the same, and a wake-up takes the CPU from nobody.
    Batch,
    /// `SCHED_IDLE`: what others leave.
    Idle,
    /// `SCHED_FIFO`, of a priority from 1, the lowest, to 99.
    FirstInFirstOut(u32),
    /// `SCHED_RR`: the same in time slices among those of one priority.
    RoundRobin(u32),
    /// `SCHED_DEADLINE`: in each period, of `period_ns`, so many nanoseconds.
    Deadline {
        /// What is granted in a period.
        runtime_ns: u64,
        /// How long a period is, and by when what is granted has been given.
        period_ns: u64,
    },
}

impl Policy {
    /// As the call that asks for it is written.
    fn call(self) -> String {
        match self {
            Policy::Other => "sched_setattr(SCHED_OTHER)".into(),
            Policy::Batch => "sched_setattr(SCHED_BATCH)".into(),
            Policy::Idle => "sched_setattr(SCHED_IDLE)".into(),
            Policy::FirstInFirstOut(priority) => format!("sched_setattr(SCHED_FIFO, {priority})"),
            Policy::RoundRobin(priority) => format!("sched_setattr(SCHED_RR, {priority})"),
            Policy::Deadline { runtime_ns, period_ns } => {
                format!("sched_setattr(SCHED_DEADLINE, {runtime_ns} ns in each {period_ns} ns)")
            }
        }
    }

    fn attributes(self) -> libc::sched_attr {
        // SAFETY: integers, for which zero is the default.
        let zero: libc::sched_attr = unsafe { std::mem::zeroed() };
        let zero = libc::sched_attr { size: size_of::<libc::sched_attr>() as u32, ..zero };
        let of =
            |policy: i32, priority| libc::sched_attr { sched_policy: policy as u32, sched_priority: priority, ..zero };
        match self {
            Policy::Other => of(libc::SCHED_OTHER, 0),
            Policy::Batch => of(libc::SCHED_BATCH, 0),
            Policy::Idle => of(libc::SCHED_IDLE, 0),
            Policy::FirstInFirstOut(priority) => of(libc::SCHED_FIFO, priority),
            Policy::RoundRobin(priority) => of(libc::SCHED_RR, priority),
            Policy::Deadline { runtime_ns, period_ns } => libc::sched_attr {
                sched_runtime: runtime_ns,
                sched_deadline: period_ns,
                sched_period: period_ns,
                ..of(libc::SCHED_DEADLINE, 0)
            },
        }
    }

    fn of(attributes: &libc::sched_attr) -> io::Result<Policy> {
        match attributes.sched_policy as i32 {
            libc::SCHED_OTHER => Ok(Policy::Other),
            libc::SCHED_BATCH => Ok(Policy::Batch),
            libc::SCHED_IDLE => Ok(Policy::Idle),
            libc::SCHED_FIFO => Ok(Policy::FirstInFirstOut(attributes.sched_priority)),
            libc::SCHED_RR => Ok(Policy::RoundRobin(attributes.sched_priority)),
            libc::SCHED_DEADLINE => {
                Ok(Policy::Deadline { runtime_ns: attributes.sched_runtime, period_ns: attributes.sched_period })
            }
            other => Err(io::Error::other(format!("sched_getattr tells of policy {other}, which is none of sched(7)"))),
        }
    }

    /// What lets those have it who are refused; empty, or a clause that starts with `; `.
    fn what_would_allow(self, errno: Errno) -> String {
        match (self, errno) {
            (Policy::FirstInFirstOut(priority) | Policy::RoundRobin(priority), Errno::EPERM) => {
                what_would_allow(priority)
            }
            (Policy::Deadline { .. }, Errno::EPERM) => {
                "; it wants CAP_SYS_NICE, and a thread that may run on every CPU \
                 (taskset(1) and cpusets forbid that)"
                    .into()
            }
            (Policy::Deadline { .. }, Errno::EBUSY) => "; together the deadlines would be more than \
                 kernel.sched_rt_runtime_us leaves of each kernel.sched_rt_period_us"
                .into(),
            _ => String::new(),
        }
    }
}

/// `sched_setattr(0, …)`: the calling thread, from now on. Fails with `EPERM`, and then says what would allow it.
pub fn adopt(policy: Policy) -> io::Result<()> {
    let attributes = policy.attributes();
    // SAFETY: the address is that of live attributes of the size that they state, which the call only reads.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    Errno::result(done).map(drop).map_err(|errno| refused(policy.call(), errno, policy.what_would_allow(errno)))
}

/// `sched_getattr(0, …)`: what the calling thread is under.
pub fn adopted() -> io::Result<Policy> {
    let mut attributes = Policy::Other.attributes();
    let size = attributes.size;
    // SAFETY: the address is that of live attributes of the size that is stated.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    Errno::result(done).map_err(|errno| refused("sched_getattr", errno, ""))?;
    Policy::of(&attributes)
}

/// [`Policy::FirstInFirstOut`] for the calling thread.
pub fn run_first_in_first_out(priority: u32) -> io::Result<()> {
    adopt(Policy::FirstInFirstOut(priority))
}

fn what_would_allow(priority: u32) -> String {
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
            assert!(error.contains("sched_setattr(SCHED_FIFO, 1)"), "{error}");
            eprintln!("skipped: {error}");
        }
    }

    #[test]
    fn a_priority_that_there_is_none_of_is_refused() {
        let error = run_first_in_first_out(1000).unwrap_err().to_string();
        assert!(error.contains("sched_setattr(SCHED_FIFO, 1000): EINVAL"), "{error}");
    }

    #[test]
    fn a_thread_is_under_what_it_has_adopted_and_no_other_thread_is() {
        let deadline = Policy::Deadline { runtime_ns: 100_000, period_ns: 1_000_000 };
        for policy in
            [Policy::Other, Policy::Batch, Policy::Idle, Policy::FirstInFirstOut(2), Policy::RoundRobin(3), deadline]
        {
            let found = std::thread::spawn(move || adopt(policy).map(|()| adopted().unwrap())).join().unwrap();
            match found {
                Ok(found) => assert_eq!(found, policy),
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains("sched_setattr(SCHED_") && error.contains("; "), "{error}");
                    eprintln!("skipped: {error}");
                }
            }
            assert_eq!(adopted().unwrap(), Policy::Other);
        }
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
