//! What is known of one logarithm of a ratio, and which of many lie beyond a limit.
//!
//! Among many cells some lie beyond a limit by chance. So those that are called are chosen by the procedure of Y. Benjamini and
//! Y. Hochberg (J. R. Statist. Soc. B 57, 1995): of the called ones at most one in twenty is false on average, and where nothing
//! differs, at most one comparison in twenty calls anything. Its p-values need tails beyond those that ranks of few launches reach,
//! so they are Student's, with as many degrees of freedom as there are launches beyond the two means.
//!
//! Launches of some cells fall into two modes, by process. Few of them may be mostly in one mode here and in the other there, and
//! show no scatter that would tell. So where a difference is no greater than such modes are ([`MODES`]), no p-value is below that of
//! the launches' order, which takes nothing for granted of how they are distributed (Mann and Whitney's): 1/35 for four launches of
//! each, 1/462 for six.

use ipcmark_harness::estimate::LEVEL;
use ipcmark_harness::student;

use super::ratio::{NORMAL_975, Ratio, logarithm};

/// How far apart two modes of launches are at most: one C program over a pipe took 6.4 or 8.4 µs, by process.
const MODES: f64 = 1.35;

/// A logarithm with the half-widths of its 95 % interval to either side. What may have moved it besides the cell (the machine) lies
/// between the two centres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    /// The estimate.
    pub(super) log: f64,
    /// Where the lower half-width begins: the estimate, or what is left of it.
    pub(super) low_centre: f64,
    /// Where the upper half-width begins.
    pub(super) high_centre: f64,
    /// Half-width to below.
    pub(super) below: f64,
    /// Half-width to above.
    pub(super) above: f64,
    /// Degrees of freedom.
    pub(super) degrees: f64,
    /// The probability of the launches' order if nothing differed.
    pub(super) by_order: f64,
}

impl Evidence {
    /// Of a ratio by so many launches of each alone, and the probability of their order; none without an interval.
    pub(super) fn of(ratio: &Ratio, launches: [usize; 2], by_order: f64) -> Option<Evidence> {
        let [low, high] = ratio.interval?;
        let log = ratio.log();
        let (below, above) = ((log - logarithm(low)).max(0.0), (logarithm(high) - log).max(0.0));
        let degrees = (launches[0] + launches[1]).saturating_sub(2) as f64;
        Some(Evidence { below, above, degrees, by_order, ..Evidence::centred(log, 0.0) })
    }

    /// A logarithm known to that half-width, by so many values that they have no degrees of freedom to speak of.
    pub(super) fn centred(log: f64, half_width: f64) -> Evidence {
        let (below, above) = (half_width, half_width);
        Evidence { log, low_centre: log, high_centre: log, below, above, degrees: student::NORMAL, by_order: 0.0 }
    }

    /// Uncertain by so much more to both sides, as a half-width.
    pub(super) fn widened(mut self, half_width: f64) -> Evidence {
        self.below = self.below.hypot(half_width);
        self.above = self.above.hypot(half_width);
        self
    }

    /// Part of it, `shift`, known to that half-width, may not be its own.
    pub(super) fn less(mut self, shift: f64, half_width: f64) -> Evidence {
        if shift > 0.0 {
            (self.low_centre, self.below) = (self.low_centre - shift, self.below.hypot(half_width));
        } else if shift < 0.0 {
            (self.high_centre, self.above) = (self.high_centre - shift, self.above.hypot(half_width));
        }
        self
    }

    /// Set against another logarithm, known to that half-width.
    pub(super) fn beyond(mut self, log: f64, half_width: f64) -> Evidence {
        self.log -= log;
        self.low_centre -= log;
        self.high_centre -= log;
        self.widened(half_width)
    }

    pub(super) fn ratio(&self) -> Ratio {
        let ends = [(self.low_centre - self.below).exp(), (self.high_centre + self.above).exp()];
        Ratio { value: self.log.exp(), interval: Some(ends) }
    }

    /// The probability of looking so slow at least, both sides counted, if it were at the limit; `limit` is a logarithm.
    fn p_above(&self, limit: f64) -> f64 {
        self.p_value(self.low_centre - limit, self.below)
    }

    fn p_below(&self, limit: f64) -> f64 {
        self.p_value(-limit - self.high_centre, self.above)
    }

    fn p_value(&self, distance: f64, half_width: f64) -> f64 {
        let least = if distance < MODES.ln() { self.by_order } else { 0.0 };
        match half_width / NORMAL_975 {
            _ if distance <= 0.0 => 1.0,
            deviation if deviation > 0.0 => least.max(2.0 * student::tail(distance / deviation, self.degrees)),
            _ => least,
        }
    }
}

/// The probability, both sides counted, of a ratio so far from 1 by chance, with so many degrees of freedom; 1 without an interval.
pub(crate) fn p_of_equality(ratio: &Ratio, degrees: f64) -> f64 {
    let evidence = Evidence::of(ratio, [0, 0], 0.0).map(|evidence| Evidence { degrees, ..evidence });
    evidence.map_or(1.0, |evidence| evidence.p_above(0.0).min(evidence.p_below(0.0)))
}

/// To which side each lies beyond the limit, a share above 0, by what all of them together allow to be said: `Some(true)` is slower.
pub(super) fn beyond(all: &[Option<Evidence>], limit: f64) -> Vec<Option<bool>> {
    let limit = limit.ln_1p();
    let p_values = |evidence: &Evidence| evidence.p_above(limit).min(evidence.p_below(limit));
    let mut sorted: Vec<f64> = all.iter().flatten().map(p_values).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let small_enough = |(place, p): &(usize, &f64)| **p <= (1.0 - LEVEL) * (*place as f64 + 1.0) / count;
    let greatest = sorted.iter().enumerate().rev().find(small_enough).map(|(_, p)| *p);
    let side = |evidence: &Evidence| {
        let called = greatest.is_some_and(|greatest| p_values(evidence) <= greatest);
        called.then(|| evidence.p_above(limit) < evidence.p_below(limit))
    };
    all.iter().map(|evidence| evidence.as_ref().and_then(side)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(log: f64, half_width: f64) -> Evidence {
        let ends = [(log - half_width).exp(), (log + half_width).exp()];
        Evidence::of(&Ratio { value: log.exp(), interval: Some(ends) }, [10, 10], 0.0).unwrap()
    }

    #[test]
    fn what_is_beyond_by_itself_need_not_be_so_among_many() {
        let marginal = Some(at(0.05, 0.018));
        assert_eq!(beyond(&[marginal], 0.03), [Some(true)]);
        let mut many = vec![Some(at(0.0, 0.018)); 99];
        many.push(marginal);
        assert_eq!(beyond(&many, 0.03)[99], None);
        many[98] = Some(at(-0.5, 0.018));
        assert_eq!(beyond(&many, 0.03)[98], Some(false));
        assert_eq!(beyond(&[marginal; 100], 0.03), [Some(true); 100]);
    }

    #[test]
    fn few_launches_in_two_modes_are_no_difference_among_many_cells_but_a_factor_beyond_modes_is() {
        let four =
            |log: f64| Evidence::of(&Ratio { value: log.exp(), interval: Some([log.exp(); 2]) }, [4, 4], 1.0 / 35.0);
        let mut many = vec![four(0.0); 60];
        many[0] = four(0.2);
        assert_eq!(beyond(&many, 0.03)[0], None);
        many[0] = four(1.0);
        assert_eq!(beyond(&many, 0.03)[0], Some(true));
        assert_eq!(beyond(&[four(0.2)], 0.03), [Some(true)]);
    }

    #[test]
    fn what_the_machine_may_have_done_lies_within_the_interval() {
        let found = at(3.0_f64.ln(), 0.02).less(2.9_f64.ln(), 0.05).ratio();
        let [low, high] = found.interval.unwrap();
        assert!((found.value - 3.0).abs() < 1e-9 && low < 1.0 && (high / 3.0 - 1.0) < 0.021, "{found:?}");
    }

    #[test]
    fn a_deviation_of_zero_is_beyond_or_not_and_never_unknown() {
        assert_eq!(beyond(&[Some(at(0.1, 0.0)), Some(at(0.0, 0.0)), None], 0.03), [Some(true), None, None]);
    }
}
