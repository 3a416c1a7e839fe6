//! What a ratio says: slower, faster, no difference larger than so much, or nothing.
//!
//! **Launches of one run agree better than two runs do.** Other guests, temperature and memory layout at boot last longer than a
//! run; two runs of one binary, minutes apart on a virtual machine with other work, differed by 7 % as a whole where launches
//! within each gave intervals of 4 %, and a test that knew launches alone called one cell of six different. Two measures:
//!
//! - **What differs between the runs** is estimated from the comparison itself, and widens every interval. The ratios of the
//!   *other* cells scatter more than their own launches explain; the excess is the deviation between runs. It is estimated
//!   by the median, so that a change in fewer than half of the cells does not hide itself, or others. (The moment estimator of
//!   R. C. Paule and J. Mandel, J. Res. NBS 87, 1982, with the median of chi-square for its mean.)
//! - **A tolerance.** A cell is called different only if its whole interval lies beyond what one binary may differ from itself:
//!   3 %, or up to 5 % where a record's A/A probe found more. Forty runs of one release build on a virtual machine of two CPUs that
//!   compiled at the same time, taken in pairs of neighbours, gave 17 % of cells called different by launches alone, 2 % with
//!   both measures; pairs a minute apart 28 % and 8 %, or 4 % at a tolerance of 5 %. The 3 % were chosen on these runs.
//!
//! That this keeps false alarms at 5 % of cells is shown by simulation (`simulation.rs`); `tests/change_test.rs` tries it on pairs of
//! real runs.

use serde::Serialize;

use super::ratio::{NORMAL_975, Ratio};

/// What two runs of one binary may differ by without being called different, as a share.
pub const TOLERANCE: f64 = 0.03;
/// What a record's A/A probe may raise it to.
pub const MOST_TOLERANCE: f64 = 0.05;
/// A difference that a comparison is expected to see: where the interval holds more, nothing was resolved.
pub const RESOLVED: f64 = 0.10;
/// Fewer other cells say nothing about how much the runs differ.
const FEWEST_OTHERS: usize = 3;
/// The median of chi-square with one degree of freedom.
const MEDIAN_CHI_SQUARE: f64 = 0.454_936;

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
}

/// Judges the ratios of all cells of one run against another of the same environment; each comes back as wide as it is known
/// between runs, with its verdict.
pub fn judge(ratios: &[Ratio], tolerance: f64) -> Vec<(Ratio, Verdict)> {
    let deviations = between_runs(ratios);
    let judged = ratios.iter().zip(deviations).map(|(ratio, deviation)| {
        let ratio = ratio.widened(NORMAL_975 * deviation);
        (ratio, verdict(&ratio, tolerance))
    });
    judged.collect()
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

/// For each cell the deviation between the runs as the other cells show it, in logarithms.
///
/// Leaving one out moves the median of many by nothing worth computing, so beyond [`MANY`] cells all share one estimate.
fn between_runs(ratios: &[Ratio]) -> Vec<f64> {
    let known = |ratio: &Ratio| Some((ratio.value.ln(), ratio.half_width()? / NORMAL_975));
    let all: Vec<Option<(f64, f64)>> = ratios.iter().map(known).collect();
    if all.len() > MANY {
        return vec![excess(all.iter().flatten().copied()); all.len()];
    }
    let others = |place: usize| all.iter().enumerate().filter(move |(other, _)| *other != place);
    (0..all.len()).map(|place| excess(others(place).filter_map(|(_, known)| *known))).collect()
}

const MANY: usize = 50;

/// The deviation beyond their own that makes half of the standardised logarithms smaller than half of normal ones are.
fn excess(cells: impl Iterator<Item = (f64, f64)>) -> f64 {
    let cells: Vec<(f64, f64)> = cells.collect();
    if cells.len() < FEWEST_OTHERS {
        return 0.0;
    }
    let surplus = |variance: f64| {
        let squares: Vec<f64> = cells.iter().map(|(log, own)| log * log / (own * own + variance)).collect();
        ipcmark_harness::estimate::median(&squares).is_some_and(|median| median > MEDIAN_CHI_SQUARE)
    };
    // A launch that repeats to the last digit has no deviation of its own: 0/0 is no surplus.
    let most = cells.iter().map(|(log, _)| log * log).fold(0.0, f64::max) / MEDIAN_CHI_SQUARE;
    let (mut low, mut high) = (0.0, most);
    if !surplus(low) {
        return 0.0;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if surplus(middle) { low = middle } else { high = middle }
    }
    high.sqrt()
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

    #[test]
    fn runs_that_differ_as_a_whole_widen_every_interval() {
        let shifted: Vec<Ratio> = [1.06, 1.05, 1.07, 1.06, 1.05, 1.06, 1.07].map(|value| ratio(value, 0.01)).to_vec();
        for (ratio, verdict) in judge(&shifted, TOLERANCE) {
            assert_ne!(verdict, Verdict::Slower, "{ratio:?}");
        }
    }

    #[test]
    fn one_change_among_steady_cells_is_called_and_hides_no_other() {
        let mut ratios = vec![ratio(1.0, 0.01); 9];
        ratios.push(ratio(1.10, 0.02));
        ratios.push(ratio(0.80, 0.02));
        let judged = judge(&ratios, TOLERANCE);
        assert_eq!((judged[9].1, judged[10].1), (Verdict::Slower, Verdict::Faster));
    }

    #[test]
    fn cells_without_any_deviation_do_not_divide_by_zero() {
        let exact = Ratio { value: 1.0, interval: Some([1.0, 1.0]) };
        for (_, verdict) in judge(&[exact; 5], TOLERANCE) {
            assert_eq!(verdict, Verdict::NoDifference { larger_than: 0.0 });
        }
    }
}
