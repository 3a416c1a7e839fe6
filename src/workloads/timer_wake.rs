//! `timer-wake`: from the time for which a thread has set its alarm to its next instruction; `timer-wake-beside-hog`: the same
//! while another thread computes all the time, on each CPU that the first may run on.
//!
//! As cyclictest asks: the thread sleeps until a time on CLOCK_MONOTONIC (clock_nanosleep(2) with TIMER_ABSTIME), reads that
//! clock, and takes the difference. Its next alarm is one interval later, or, where it was woken so late that this is over, the
//! first multiple that is not. What is timed is all lateness: the timer's, the interrupt's, and the scheduler's.
//!
//! A real-time thread that never slept would be ended by the kernel (RLIMIT_RTTIME): nobody of ordinary priority could.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Disturbance, Mismatch};
use ipcmark_harness::histogram::Histogram;
use ipcmark_harness::parties::{Extent, Far, Parties, PeerKind, Span};
use ipcmark_harness::placement::{Placement, Topology};
use ipcmark_harness::session::{Sample, Session, Verified};
use ipcmark_harness::sys::scheduling;
use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

use super::ALONE;
use super::pace::{Pace, until};
use crate::descriptor::named;
use crate::mechanism::{Axes, Point, Rank, Stage, Support, Waiting, Workload};
use crate::shapes::Policy;

pub(super) const fn idle<P: Policy>() -> Workload {
    Workload {
        name: "timer-wake",
        summary: "from the time that a sleeper has set its alarm for to its next instruction",
        waitings: &[Waiting::Own],
        times_each: true,
        windows_of: None,
        carries_payload: false,
        rank: if P::USUAL { Rank::Headline } else { Rank::Common },
        axes: Axes {
            // cyclictest's interval, and one at which idle states are not worth entering.
            idle_ns: &[Point(100_000, Rank::Common), Point(1_000_000, Rank::Headline)],
            placements: if P::PINNED { &[Placement::SameCpu] } else { &[Placement::Unpinned] },
            ..ALONE
        },
        supports: |_| Support::Available,
        open: |stage, clock| Sleeper::open::<P>(stage, clock, false),
    }
}

pub(super) const fn beside_hog<P: Policy>() -> Workload {
    Workload {
        name: "timer-wake-beside-hog",
        summary: "the same while another thread computes all the time, on each CPU that the sleeper may run on",
        // Who runs last waits for a second here: a launch takes half a minute.
        rank: if P::LAST { Rank::Rare } else { Rank::Common },
        open: |stage, clock| Sleeper::open::<P>(stage, clock, true),
        ..idle::<P>()
    }
}

/// Many times what the sleeper works without sleeping.
const UNBROKEN: Duration = Duration::from_millis(500);
/// Less of a CPU than this is no hog, even where others want that CPU, too; not looked at sooner than after so long.
const LEAST_HOGGED: f64 = 0.01;
const SOON_NS: f64 = 20e6;

/// Alarms between two looks at the time that verification has: beside a hog some policies wait for a second.
const CHECKED_AT_ONCE: u64 = 10;

struct Sleeper {
    interval_ns: u64,
    parties: Parties,
    hogs: usize,
    /// How long the hogs were to run so far, all together, and how long they did, in nanoseconds.
    to_hog_ns: f64,
    hogged_ns: f64,
    alarm: Alarm,
}

#[derive(Copy, Clone)]
struct Alarm {
    next_ns: u64,
    missed: u64,
}

/// A thread that computes.
struct Hog;

impl Far for Hog {
    fn serve(&mut self, limit: &AtomicU64, _: bool) -> io::Result<u64> {
        let mut value = 1_u64;
        // Relaxed: the near end waits for this one to say that it is done.
        while limit.load(Ordering::Relaxed) != 0 {
            for _ in 0..1000 {
                value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        }
        Ok(0)
    }
}

impl Sleeper {
    fn open<P: Policy>(stage: &Stage, clock: Clock, hogged: bool) -> io::Result<Box<dyn Session>> {
        let interval_ns = stage.setup.idle_ns.unwrap_or(1_000_000);
        let mut parties = Parties::new(clock, &stage.near_cpus)?;
        let everywhere = || Topology::of_this_machine().allowed();
        let hogged = match &stage.near_cpus[..] {
            _ if !hogged => Vec::new(),
            [] => everywhere(),
            cpus => cpus.to_vec(),
        };
        for cpu in &hogged {
            parties.start(PeerKind::Thread, &[*cpu], (), || Ok(Hog))?;
        }
        scheduling::limit_unbroken_time(UNBROKEN)?;
        // Last: those that are started inherit it.
        P::adopt(interval_ns)?;
        if !P::is_adopted()? {
            return Err(io::Error::other("the policy was adopted, and the kernel tells of another"));
        }
        let alarm = Alarm { next_ns: now_ns()?, missed: 0 };
        let hogs = hogged.len();
        Ok(Box::new(Sleeper { interval_ns, parties, hogs, to_hog_ns: 0.0, hogged_ns: 0.0, alarm }))
    }

    /// So many alarms, or as many as fit; `late` is told how late each was, in nanoseconds.
    fn sleep(&mut self, extent: Extent, duration: Duration, mut late: impl FnMut(u64)) -> io::Result<Sample> {
        let (interval_ns, mut alarm, mut sum_ns) = (self.interval_ns, self.alarm, 0);
        let mut sample = self.parties.run(Extent::Open, false, |clock, limit| {
            // From here on: before, the hogs had to be waited for.
            alarm.next_ns = now_ns()?;
            let start = clock.start();
            let mut over = Pace::over(duration);
            let mut done = 0;
            loop {
                let late_ns = alarm.sleep(interval_ns)?;
                sum_ns += late_ns;
                late(late_ns);
                done += 1;
                let last = match extent {
                    Extent::Count(count) => done >= count,
                    Extent::Open => over(clock, done),
                };
                if last {
                    limit.store(0, Ordering::Relaxed);
                    return Ok(Span { start, end: clock.end(), ends_at_far: false, operations: done });
                }
            }
        })?;
        let missed = alarm.missed - self.alarm.missed;
        self.alarm = alarm;
        sample.facts.insert("missed_intervals".into(), missed as f64);
        self.look_at_hogs(&mut sample)?;
        // How late the alarms were, without the sleep before them.
        sample.elapsed_ns = sum_ns as f64;
        Ok(sample)
    }

    /// That they ran; what they took is no cost of waking up.
    fn look_at_hogs(&mut self, sample: &mut Sample) -> io::Result<()> {
        let far = std::mem::take(&mut sample.far);
        sample.per_party.truncate(1);
        if self.hogs == 0 {
            return Ok(());
        }
        let (ran_ns, to_run_ns) = (far.cpu_ns as f64, sample.wall_ns * self.hogs as f64);
        sample.facts.insert("hog_cpu_share".into(), ran_ns / to_run_ns);
        self.to_hog_ns += to_run_ns;
        self.hogged_ns += ran_ns;
        let share = self.hogged_ns / self.to_hog_ns;
        if share >= LEAST_HOGGED || self.to_hog_ns < SOON_NS {
            return Ok(());
        }
        let (share, least) = (share * 100.0, LEAST_HOGGED * 100.0);
        let count = format!("the hog had {share:.0} % of its CPU by its CPU time, and {least:.0} % or more are wanted");
        Err(Disturbance::error(format!("{count}: other work had the rest")))
    }
}

impl Alarm {
    /// Sleeps until the next one, and tells how late it was.
    #[inline]
    fn sleep(&mut self, interval_ns: u64) -> io::Result<u64> {
        self.next_ns += interval_ns;
        let at = TimeSpec::new((self.next_ns / 1_000_000_000) as i64, (self.next_ns % 1_000_000_000) as i64);
        loop {
            match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at) {
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(named("clock_nanosleep", errno)),
            }
        }
        let now_ns = now_ns()?;
        let Some(late_ns) = now_ns.checked_sub(self.next_ns) else {
            return Err(Mismatch::error(format!("the sleeper was woken {} ns too early", self.next_ns - now_ns)));
        };
        let missed = late_ns / interval_ns;
        self.missed += missed;
        self.next_ns += missed * interval_ns;
        Ok(late_ns)
    }
}

#[inline]
fn now_ns() -> io::Result<u64> {
    let now = ClockId::CLOCK_MONOTONIC.now().map_err(|errno| named("clock_gettime(CLOCK_MONOTONIC)", errno))?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

impl Session for Sleeper {
    fn batch(&mut self, iterations: u64) -> io::Result<Sample> {
        self.sleep(Extent::Count(iterations.max(1)), Duration::MAX, |_| {})
    }

    fn offers_each(&self) -> bool {
        true
    }

    fn each(&mut self, iterations: u64, latencies: &mut Histogram) -> io::Result<Sample> {
        self.sleep(Extent::Count(iterations.max(1)), Duration::MAX, |ns| latencies.record(ns))
    }

    fn window(&mut self, duration: Duration) -> io::Result<Sample> {
        self.sleep(Extent::Open, duration, |_| {})
    }

    /// That nobody is woken too early, and that a hog is one, as in each order.
    fn verify(&mut self, iterations: u64, duration: Duration) -> io::Result<Verified> {
        let operations = until(iterations, duration / 2, |left| Ok(self.batch(left.min(CHECKED_AT_ONCE))?.operations))?;
        Ok(Verified { operations, bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Setup;

    /// What every thread is under in any case.
    struct AsBefore;

    impl Policy for AsBefore {
        fn adopt(_: u64) -> io::Result<()> {
            Ok(())
        }

        fn is_adopted() -> io::Result<bool> {
            Ok(true)
        }
    }

    /// Says that it was adopted, and was not.
    struct Lies;

    impl Policy for Lies {
        fn adopt(_: u64) -> io::Result<()> {
            Ok(())
        }

        fn is_adopted() -> io::Result<bool> {
            Ok(false)
        }
    }

    fn stage() -> Stage {
        let setup =
            Setup { idle_ns: Some(100_000), ..Setup::new(PeerKind::Thread, Placement::SameCpu, Waiting::Own, 0) };
        Stage { setup, near_cpus: Vec::new(), far_cpus: Vec::new() }
    }

    #[test]
    fn every_alarm_has_a_lateness_and_the_sleep_is_none_of_it() {
        for hogged in [false, true] {
            let mut session = Sleeper::open::<AsBefore>(&stage(), Clock::vdso(), hogged).unwrap();
            let mut latencies = Histogram::new();
            let sample = session.each(20, &mut latencies).unwrap();
            assert_eq!((sample.operations, latencies.len(), &sample.per_party[..]), (20, 20, &[20][..]));
            assert!(sample.wall_ns >= 20.0 * 100_000.0 && sample.facts.contains_key("missed_intervals"), "{sample:?}");
            assert_eq!(sample.facts.contains_key("hog_cpu_share"), hogged);
            assert_eq!(session.verify(10, Duration::from_secs(5)).unwrap().operations, 10);
        }
    }

    #[test]
    fn a_policy_that_was_not_adopted_is_not_measured() {
        assert!(Sleeper::open::<Lies>(&stage(), Clock::vdso(), false).is_err());
    }

    #[test]
    fn a_hog_that_does_not_run_fails_a_timed_batch() {
        let parties = Parties::new(Clock::vdso(), &[]).unwrap();
        let alarm = Alarm { next_ns: now_ns().unwrap(), missed: 0 };
        let mut asleep = Sleeper { interval_ns: 100_000, parties, hogs: 1, to_hog_ns: 0.0, hogged_ns: 0.0, alarm };
        let error = asleep.batch(300).unwrap_err().to_string();
        assert!(error.contains("the hog had 0 % of its CPU"), "{error}");
    }

    #[test]
    fn a_late_sleeper_goes_on_at_the_next_multiple() {
        let mut alarm = Alarm { next_ns: now_ns().unwrap() - 10_500_000, missed: 0 };
        let first = alarm.next_ns;
        assert!(alarm.sleep(1_000_000).unwrap() >= 9_500_000);
        assert!(alarm.missed >= 9 && (alarm.next_ns - first).is_multiple_of(1_000_000));
    }
}
