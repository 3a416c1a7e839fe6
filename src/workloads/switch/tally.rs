//! What was counted: the switches of each task, by the kernel, and what hops and the same calls without a switch took.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::control::{Disturbance, Mismatch};
use ipcmark_harness::estimate::{median, quantile_sorted};
use ipcmark_harness::sys::memory::Shareable;
use ipcmark_harness::usage::Usage;

use crate::workloads::MOST_PARTIES;

/// What the tasks share beside the mechanism.
#[repr(C)]
pub(super) struct Board {
    /// How often the token has been taken.
    pub(super) token: Token,
    seats: [Seat; MOST_PARTIES],
}

/// On a line of its own: who has the token changes it.
#[repr(C, align(128))]
pub(super) struct Token(pub(super) AtomicU64);

/// What one task has counted in the last order.
#[repr(C, align(128))]
struct Seat {
    voluntary: AtomicU64,
    involuntary: AtomicU64,
}

#[allow(unsafe_code)]
// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Board {}

/// Counts the switches of the calling task from where it is made to where it is read.
///
/// By getrusage(2): the kernel counts there whatever anybody asks for, in its scheduler. Perf events count the same (the harness's
/// tests hold the two against each other), but the last of them that is closed leaves the scheduler's hooks on for about a second
/// (kernel/events/core.c, `perf_sched_delayed`), in which every switch of this machine is dearer: no cell opens one.
pub(super) struct Meter {
    before: Usage,
}

impl Meter {
    pub(super) fn start() -> Meter {
        Meter { before: Usage::of_this_thread() }
    }

    pub(super) fn stop(self, board: &Board, place: usize) {
        let spent = Usage::of_this_thread().since(&self.before);
        let seat = &board.seats[place];
        // Relaxed: the gate orders it.
        seat.voluntary.store(spent.voluntary_switches, Ordering::Relaxed);
        seat.involuntary.store(spent.involuntary_switches, Ordering::Relaxed);
    }
}

/// Switches of all tasks together.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Switches {
    /// One for each time that a task passed the token and had it again.
    pub(super) expected: u64,
    pub(super) voluntary: u64,
    pub(super) involuntary: u64,
}

impl Switches {
    /// What the board says after an order of so many timed laps: each task but the first has counted one lap more, which
    /// it passes on when it has read its counts.
    pub(super) fn of(board: &Board, parties: usize, laps: u64) -> Switches {
        let sum =
            |of: fn(&Seat) -> &AtomicU64| board.seats[..parties].iter().map(|s| of(s).load(Ordering::Relaxed)).sum();
        let expected = laps * parties as u64 + (parties as u64 - 1);
        Switches { expected, voluntary: sum(|seat| &seat.voluntary), involuntary: sum(|seat| &seat.involuntary) }
    }

    fn counted(&self) -> u64 {
        self.voluntary + self.involuntary
    }

    fn per_hop(&self) -> f64 {
        self.counted() as f64 / self.expected as f64
    }

    fn add(&mut self, more: Switches) {
        self.expected += more.expected;
        self.voluntary += more.voluntary;
        self.involuntary += more.involuntary;
    }
}

/// How far the switches that were counted may be from one a hop.
const TOLERANCE: f64 = 0.02;
/// With fewer hops a batch does not count: two switches to somebody else's task would be too many.
const JUDGED_HOPS: u64 = 100;
/// So many batches are judged together, by their median, as times are: somebody else's work bends some of them.
const JUDGED_BATCHES: usize = 5;

/// All that was measured in this session.
#[derive(Default)]
pub(super) struct Tally {
    switches: Switches,
    /// Those of the batches that count.
    per_hop: Vec<f64>,
    gross_ns: Vec<f64>,
    overhead_ns: Vec<f64>,
}

impl Tally {
    /// Adds the switches of a batch, and fails where those of the median batch are not one a hop.
    ///
    /// More than that other tasks on this CPU can make. Fewer they cannot: a task that passes the token and has it again was off
    /// the CPU meanwhile, since another task of the ring ran there.
    pub(super) fn judge(&mut self, switches: Switches) -> io::Result<()> {
        self.switches.add(switches);
        if switches.expected >= JUDGED_HOPS {
            self.per_hop.push(switches.per_hop());
        }
        let per_hop = median(&self.per_hop).unwrap_or(1.0);
        if self.per_hop.len() < JUDGED_BATCHES || (per_hop - 1.0).abs() <= TOLERANCE {
            return Ok(());
        }
        let Switches { expected, voluntary, involuntary } = self.switches;
        let count = format!(
            "the kernel counted {per_hop:.3} switches a hop in the median batch, and {:.2} to {:.2} are its own (in all \
             {expected} hops, {voluntary} voluntary and {involuntary} involuntary switches)",
            1.0 - TOLERANCE,
            1.0 + TOLERANCE
        );
        Err(if per_hop > 1.0 {
            Disturbance::error(format!(
                "{count}: other work ran on this CPU; if it does on a quiet one, a hop is no single switch"
            ))
        } else {
            Mismatch::error(format!("{count}: a hop is no switch"))
        })
    }

    /// Adds what a batch took, and what the same calls took after it without a switch, in nanoseconds a hop.
    pub(super) fn add(&mut self, gross_ns: f64, overhead_ns: f64) {
        self.gross_ns.push(gross_ns);
        self.overhead_ns.push(overhead_ns);
    }

    /// Of all batches so far: of facts the last ones stand.
    pub(super) fn facts(&self) -> BTreeMap<String, f64> {
        let mut facts = BTreeMap::new();
        let mut state = |name: &str, value: f64| facts.insert(name.to_owned(), value);
        if let Some((gross, overhead)) = median(&self.gross_ns).zip(median(&self.overhead_ns)) {
            state("gross_ns", gross);
            state("overhead_ns", overhead);
            state("net_ns", gross - overhead);
            state("overhead_spread_ns", spread(&self.overhead_ns));
        }
        if self.switches.counted() > 0 {
            state("switches_per_hop", self.switches.per_hop());
            state("involuntary_share", self.switches.involuntary as f64 / self.switches.counted() as f64);
        }
        facts
    }
}

/// The distance between the quartiles.
fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| quantile_sorted(&sorted, share).unwrap_or(0.0);
    at(0.75) - at(0.25)
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::control::{Failure, FailureKind};

    use super::*;

    fn switches(expected: u64, voluntary: u64, involuntary: u64) -> Switches {
        Switches { expected, voluntary, involuntary }
    }

    fn judged(batches: &[Switches]) -> io::Result<Tally> {
        let mut tally = Tally::default();
        batches.iter().try_for_each(|&batch| tally.judge(batch))?;
        Ok(tally)
    }

    #[test]
    fn one_switch_a_hop_is_right_however_it_is_booked() {
        let batch = |voluntary, involuntary| switches(1000, voluntary, involuntary);
        let facts =
            judged(&[batch(600, 400), batch(0, 1019), batch(1000, 0), batch(981, 0), batch(1000, 0)]).unwrap().facts();
        assert!((facts["switches_per_hop"] - 1.0).abs() < 1e-9);
        assert!((facts["involuntary_share"] - 1419.0 / 5000.0).abs() < 1e-9);
    }

    #[test]
    fn two_switches_a_hop_or_none_fail_with_the_figures() {
        let (noise, wrong) = (FailureKind::Disturbed, FailureKind::Verification);
        for (voluntary, involuntary, said, kind) in [
            (1500, 500, "2.000 switches", noise),
            (1000, 30, "1.030", noise),
            (0, 0, "0.000", wrong),
            (979, 0, "0.979", wrong),
        ] {
            let failure = Failure::from(judged(&[switches(1000, voluntary, involuntary); 5]).map(drop).unwrap_err());
            assert!(failure.reason.contains(said) && failure.reason.contains("5000 hops"), "{failure}");
            assert_eq!(failure.kind, kind, "{failure}");
        }
    }

    #[test]
    fn one_batch_that_somebody_else_disturbed_is_stated_and_fails_nothing() {
        let mut batches = [switches(1000, 1000, 0); 5];
        batches[1].involuntary = 300;
        assert_eq!(judged(&batches).unwrap().facts()["switches_per_hop"], 1.06);
    }

    #[test]
    fn few_hops_or_few_batches_are_not_judged() {
        assert!(judged(&[switches(99, 200, 0); 9]).is_ok() && judged(&[switches(1000, 2000, 0); 4]).is_ok());
    }

    #[test]
    fn what_a_hop_takes_is_stated_gross_beside_its_calls_and_what_is_left() {
        let mut tally = Tally::default();
        [(1000.0, 300.0), (1010.0, 310.0), (5000.0, 290.0)]
            .into_iter()
            .for_each(|(gross, alone)| tally.add(gross, alone));
        let facts = tally.facts();
        let stated = ["gross_ns", "overhead_ns", "net_ns", "overhead_spread_ns"].map(|name| facts[name]);
        assert_eq!(stated, [1010.0, 300.0, 710.0, 20.0]);
    }

    #[test]
    fn less_than_nothing_is_left_where_the_calls_alone_took_longer() {
        let mut tally = Tally::default();
        tally.add(100.0, 120.0);
        assert_eq!(tally.facts()["net_ns"], -20.0);
    }
}
