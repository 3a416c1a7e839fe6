//! What a party spent: CPU time, context switches, faults, migrations.
//!
//! CPU time is `CLOCK_THREAD_CPUTIME_ID`, exact to the nanosecond. Its split into user and system is getrusage(2)'s, which
//! the kernel scales from tick samples: useless below about a second, kept because sums over launches are longer.
//! Voluntary **and** involuntary switches are kept: on one CPU the waker is often preempted by the task it wakes, and
//! about half of all real switches are booked as involuntary.

use nix::sys::resource::{UsageWho, getrusage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::thread_cpu_ns;

/// What one thread spent, or the sum over several.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// CPU time, user and system together, in nanoseconds.
    pub cpu_ns: u64,
    /// CPU time in user mode, in nanoseconds; tick-sampled.
    pub user_ns: u64,
    /// CPU time in the kernel, in nanoseconds; tick-sampled.
    pub system_ns: u64,
    /// Times the thread gave up the CPU to wait.
    pub voluntary_switches: u64,
    /// Times the CPU was taken from it.
    pub involuntary_switches: u64,
    /// Page faults served without I/O.
    pub minor_faults: u64,
    /// Page faults that needed I/O.
    pub major_faults: u64,
    /// Moves from one CPU to another; none where the kernel does not tell.
    pub migrations: Option<u64>,
}

impl Usage {
    /// `getrusage(RUSAGE_THREAD)` and the thread's CPU clock: about 0.5 µs. Migrations are left out: see [`migrations`].
    #[inline]
    pub fn of_this_thread() -> Usage {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Usage::default() };
        Usage { cpu_ns: thread_cpu_ns(), ..Usage::exactly(&usage) }
    }

    /// Of this process's other threads, those that have ended too, and of all children that it has reaped.
    pub fn of_others() -> Usage {
        let of = |who| getrusage(who).map_or_else(|_| Usage::default(), |usage| Usage::exactly(&usage));
        let all = of(UsageWho::RUSAGE_SELF).plus(&of(UsageWho::RUSAGE_CHILDREN));
        all.since(&of(UsageWho::RUSAGE_THREAD))
    }

    /// CPU time is the sum of both modes, which the kernel keeps exact however it splits it; in whole microseconds.
    fn exactly(usage: &nix::sys::resource::Usage) -> Usage {
        let ns = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000_000 + time.tv_usec() as u64 * 1000;
        let (user_ns, system_ns) = (ns(usage.user_time()), ns(usage.system_time()));
        Usage {
            cpu_ns: user_ns + system_ns,
            user_ns,
            system_ns,
            voluntary_switches: usage.voluntary_context_switches() as u64,
            involuntary_switches: usage.involuntary_context_switches() as u64,
            minor_faults: usage.minor_page_faults() as u64,
            major_faults: usage.major_page_faults() as u64,
            migrations: None,
        }
    }

    /// What was spent since `earlier`.
    pub fn since(&self, earlier: &Usage) -> Usage {
        self.zip(earlier, u64::saturating_sub)
    }

    /// Both together; migrations are known only if both are.
    pub fn plus(&self, other: &Usage) -> Usage {
        // Saturating, because records of strangers are added up too.
        self.zip(other, u64::saturating_add)
    }

    /// All together; nothing for none.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Usage>) -> Usage {
        parts.into_iter().copied().reduce(|a, b| a.plus(&b)).unwrap_or_default()
    }

    fn zip(&self, other: &Usage, f: impl Fn(u64, u64) -> u64) -> Usage {
        Usage {
            cpu_ns: f(self.cpu_ns, other.cpu_ns),
            user_ns: f(self.user_ns, other.user_ns),
            system_ns: f(self.system_ns, other.system_ns),
            voluntary_switches: f(self.voluntary_switches, other.voluntary_switches),
            involuntary_switches: f(self.involuntary_switches, other.involuntary_switches),
            minor_faults: f(self.minor_faults, other.minor_faults),
            major_faults: f(self.major_faults, other.major_faults),
            migrations: self.migrations.zip(other.migrations).map(|(a, b)| f(a, b)),
        }
    }

    /// As numbers, to lie in shared memory; `from_words` reads them back.
    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let migrations = self.migrations.map_or(0, |m| m + 1);
        let Usage {
            cpu_ns,
            user_ns,
            system_ns,
            voluntary_switches,
            involuntary_switches,
            minor_faults,
            major_faults,
            ..
        } = self;
        [cpu_ns, user_ns, system_ns, voluntary_switches, involuntary_switches, minor_faults, major_faults, migrations]
    }

    pub(crate) fn from_words(words: [u64; WORDS]) -> Usage {
        let [
            cpu_ns,
            user_ns,
            system_ns,
            voluntary_switches,
            involuntary_switches,
            minor_faults,
            major_faults,
            migrations,
        ] = words;
        let migrations = migrations.checked_sub(1);
        Usage {
            cpu_ns,
            user_ns,
            system_ns,
            voluntary_switches,
            involuntary_switches,
            minor_faults,
            major_faults,
            migrations,
        }
    }
}

/// The length of [`Usage::to_words`].
pub(crate) const WORDS: usize = 8;

/// How often the scheduler has moved this thread: `se.nr_migrations` of /proc/thread-self/sched (CONFIG_SCHED_DEBUG).
/// Reading it costs some 20 µs, so it stays out of measured spans.
pub fn migrations() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
    let line = text.lines().find(|line| line.starts_with("se.nr_migrations"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        let known = Usage { cpu_ns: 1, migrations: Some(0), ..Usage::default() };
        assert_eq!(Usage::from_words(known.to_words()), known);
        let unknown = Usage { major_faults: 3, migrations: None, ..Usage::default() };
        assert_eq!(Usage::from_words(unknown.to_words()), unknown);
    }

    #[test]
    fn others_are_children_and_threads_that_have_ended() {
        let before = Usage::of_others();
        let spin = || {
            let start = thread_cpu_ns();
            while thread_cpu_ns() < start + 20_000_000 {}
        };
        std::thread::spawn(spin).join().unwrap();
        let spent = Usage::of_others().since(&before).cpu_ns;
        assert!(spent >= 10_000_000, "{spent}");
    }

    #[test]
    fn a_sleep_is_a_voluntary_switch() {
        let before = Usage::of_this_thread();
        std::thread::sleep(std::time::Duration::from_millis(1));
        assert!(Usage::of_this_thread().since(&before).voluntary_switches >= 1);
    }
}
