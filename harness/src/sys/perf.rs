//! perf_event_open(2): what the kernel counts of a thread in software, where it lets us see that.
//!
//! A counter makes each switch of its thread dearer while it is open, and each of the machine for about a second after the last
//! one has been closed: until then the kernel leaves its hooks in the scheduler (kernel/events/core.c: `perf_sched_delayed`). So
//! nothing that `ipcmark run` does opens one: they are for checking other counts in tests, and for showing what they cost.
#![allow(unsafe_code)] // the system call takes an address and returns a descriptor

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;

use nix::errno::Errno;

use super::refused;

/// A software event (linux/perf_event.h).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Event {
    /// `PERF_COUNT_SW_CONTEXT_SWITCHES`: the thread left its CPU.
    ContextSwitches = 3,
    /// `PERF_COUNT_SW_CPU_MIGRATIONS`: it came to another.
    CpuMigrations = 4,
}

/// A count of one event of the thread that opened it.
#[derive(Debug)]
pub struct Counter(File);

/// `struct perf_event_attr` as far as its first version goes (`PERF_ATTR_SIZE_VER0`).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
}

const PERF_TYPE_SOFTWARE: u32 = 1;
/// From linux/perf_event.h.
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

impl Counter {
    /// `perf_event_open(pid = 0, cpu = -1)`: counts from now on. Fails with `EACCES` where kernel.perf_event_paranoid is above
    /// 1: switches happen in the kernel.
    pub fn of_this_thread(event: Event) -> io::Result<Counter> {
        let size = size_of::<Attributes>() as u32;
        let attributes = Attributes { kind: PERF_TYPE_SOFTWARE, size, config: event as u64, ..Attributes::default() };
        // SAFETY: the address is that of a live structure of the size that stands in it; the call only reads it.
        let fd = Errno::result(unsafe {
            libc::syscall(libc::SYS_perf_event_open, &raw const attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)
        });
        let fd = fd.map_err(|errno| refused("perf_event_open", errno, what_would_allow(errno)))?;
        // SAFETY: the call has just returned this descriptor, which nobody else knows.
        Ok(Counter(unsafe { File::from_raw_fd(fd as i32) }))
    }

    /// `read(2)`: events so far.
    pub fn count(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        (&self.0).read_exact(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

fn what_would_allow(errno: Errno) -> String {
    match errno {
        Errno::EACCES | Errno::EPERM => {
            let paranoid = std::fs::read_to_string(PARANOID).unwrap_or_else(|error| error.to_string());
            format!("; {PARANOID} holds {}: 1 or less, or CAP_PERFMON, would allow it", paranoid.trim())
        }
        Errno::ENOSYS | Errno::ENOENT => "; the kernel has no perf events".into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Usage;

    /// What every cell's switches rest on.
    #[test]
    fn getrusage_counts_the_switches_that_perf_events_count() {
        let Ok(counter) = Counter::of_this_thread(Event::ContextSwitches) else {
            eprintln!("skipped: no perf events for this user");
            return;
        };
        let (before, booked) = (counter.count().unwrap(), Usage::of_this_thread());
        for _ in 0..500 {
            std::thread::sleep(std::time::Duration::from_micros(50));
            std::thread::yield_now();
        }
        let booked = Usage::of_this_thread().since(&booked);
        let counted = counter.count().unwrap() - before;
        // A switch may fall between two of the readings, at either end.
        let difference = counted.abs_diff(booked.voluntary_switches + booked.involuntary_switches);
        assert!(counted >= 500 && difference <= 2, "{counted} by perf, {booked:?}");
    }

    #[test]
    fn a_sleep_is_a_switch_or_the_kernel_says_what_would_allow_counting() {
        match Counter::of_this_thread(Event::ContextSwitches) {
            Ok(counter) => {
                let before = counter.count().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
                assert!(counter.count().unwrap() > before);
            }
            Err(error) => {
                assert!(error.to_string().starts_with("perf_event_open: "), "{error}");
                eprintln!("skipped: {error}");
            }
        }
    }
}
