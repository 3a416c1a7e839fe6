//! What a ratio says: slower, faster, no difference larger than so much, or nothing.
//!
//! **Launches of one run agree better than two runs do.** Other guests, temperature and memory layout at boot last longer than a
//! run; two runs of one binary, minutes apart on a virtual machine with other work, differed by 7 % as a whole where launches
//! within each gave intervals of 4 %. Three measures:
//!
//! - **What differs between the runs** is estimated from the comparison itself: the common shift (`whole.rs`) apart from the
//!   scatter about it (`scatter.rs`), which widens every interval.
//! - **A tolerance.** A cell is called different only if its whole interval lies beyond what one binary may differ from itself:
//!   3 %, or up to 5 % where a record's A/A probe found more. The 3 % were chosen on forty runs of one build on a virtual machine of two
//!   CPUs that compiled at the same time.
//! - **Many cells** are tried together (`evidence.rs`).
//!
//! That this keeps false alarms at 5 % of comparisons is shown by simulation (`simulation.rs`); `tests/change_test.rs` tries it on pairs
//! of real runs.

pub use ipcmark_harness::grade::{MOST_FOREIGN, MOST_STOLEN};
use serde::Serialize;

use super::ratio::Ratio;

/// What two runs of one binary may differ by without being called different, as a share.
pub const TOLERANCE: f64 = 0.03;
/// What a record's A/A probe may raise it to.
pub const MOST_TOLERANCE: f64 = 0.05;
/// A difference that a comparison is expected to see: where the interval holds more, nothing was resolved.
pub const RESOLVED: f64 = 0.10;
/// What is said of a cell in two runs on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// It takes longer, and more than the tolerance.
    Slower,
    /// It takes less time, and less than the tolerance.
    Faster,
    /// If there is a difference, it is at most this share.
    NoDifference {
        /// The further end of the interval.
        larger_than: f64,
    },
    /// The interval holds both equality and a difference that matters; more launches narrow it.
    IntervalTooWide,
    /// No interval: too few launches.
    TooFewLaunches,
    /// By itself beyond the tolerance, but among so many cells one such is to be expected by chance.
    AmongMany,
    /// Other work, or the hypervisor, had too much of its CPUs: foreign CPU time above [`MOST_FOREIGN`] or stolen above
    /// [`MOST_STOLEN`].
    Disturbed,
}

impl Verdict {
    /// Whether nothing was shown, neither a difference nor that there is none.
    pub fn is_open(&self) -> bool {
        !matches!(self, Verdict::Slower | Verdict::Faster | Verdict::NoDifference { .. })
    }
}

/// The verdict on a ratio whose interval is all that matters: two cells of one run, whose launches were interleaved.
pub fn verdict(ratio: &Ratio, tolerance: f64) -> Verdict {
    let Some([low, high]) = ratio.interval else { return Verdict::TooFewLaunches };
    let larger_than = (high - 1.0).max(1.0 / low - 1.0);
    match () {
        () if low > 1.0 + tolerance => Verdict::Slower,
        () if high < 1.0 / (1.0 + tolerance) => Verdict::Faster,
        () if larger_than <= RESOLVED.max(tolerance) => Verdict::NoDifference { larger_than },
        () => Verdict::IntervalTooWide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64, half_width: f64) -> Ratio {
        Ratio { value, interval: Some([value / (1.0 + half_width), value * (1.0 + half_width)]) }
    }

    #[test]
    fn verdicts_follow_the_interval() {
        for (value, half_width, expected) in [
            (1.10, 0.02, Verdict::Slower),
            (0.90, 0.02, Verdict::Faster),
            (1.02, 0.20, Verdict::IntervalTooWide),
            (1.10, 0.12, Verdict::IntervalTooWide),
        ] {
            assert_eq!(verdict(&ratio(value, half_width), TOLERANCE), expected, "{value} {half_width}");
        }
        let Verdict::NoDifference { larger_than } = verdict(&ratio(1.02, 0.01), TOLERANCE) else { panic!("small") };
        assert!((larger_than - 0.0302).abs() < 1e-9, "{larger_than}");
        assert_eq!(verdict(&Ratio { value: 2.0, interval: None }, TOLERANCE), Verdict::TooFewLaunches);
    }
}
