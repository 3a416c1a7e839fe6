//! Scales: from values to places, and the values that an axis names.

/// The least ratio between the ends of a logarithmic scale.
const LEAST_SPAN: f64 = 3.0;

/// How values become places.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    log: bool,
    /// Where zero stands on a logarithmic scale, if it must.
    zero: Option<Zero>,
}

/// Zero has no logarithm. From where it stands to the least other value the scale is linear.
#[derive(Clone, Copy, Debug)]
struct Zero {
    /// It stands as if it were this value.
    stands_for: f64,
    /// The least other one.
    least: f64,
}

impl Scale {
    /// Logarithmic, from a little below the least of the values to a little above the greatest; zero stands a step before the
    /// least other one. None without a positive value.
    pub(super) fn log(values: impl Iterator<Item = f64> + Clone, margin: f64) -> Option<Self> {
        let positive = values.clone().filter(|value| *value > 0.0 && value.is_finite());
        let least = positive.clone().min_by(f64::total_cmp)?;
        let most = positive.max_by(f64::total_cmp)?;
        let zero = values.clone().any(|value| value == 0.0).then_some(Zero { stands_for: least / 8.0, least });
        let (from, to) = (zero.map_or(least, |zero| zero.stands_for).ln(), most.ln());
        // Values that hardly differ must not look as if they did.
        let margin = ((to - from) * margin).max((LEAST_SPAN.ln() - (to - from)) / 2.0);
        Some(Self { from: from - margin, to: to + margin, start: 0.0, end: 1.0, log: true, zero })
    }

    /// Linear from zero to a little above the greatest of the values.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>) -> Option<Self> {
        let most = values.filter(|value| value.is_finite()).max_by(f64::total_cmp)?;
        let to = if most > 0.0 { most * 1.04 } else { 1.0 };
        Some(Self { from: 0.0, to, start: 0.0, end: 1.0, log: false, zero: None })
    }

    /// The same between these places.
    pub(super) fn between(&self, start: f64, end: f64) -> Self {
        Self { start, end, ..self.clone() }
    }

    pub(super) fn start(&self) -> f64 {
        self.start
    }

    pub(super) fn end(&self) -> f64 {
        self.end
    }

    /// The place of a value; zero on a logarithmic scale without a place for it stands at the start.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.start + (self.end - self.start) * self.share(value)
    }

    /// The same as a share of the way, 0 … 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let value = match self.zero.filter(|zero| value < zero.least) {
            _ if !self.log => value,
            Some(Zero { stands_for, least }) => stands_for.ln() + (least / stands_for).ln() * value.max(0.0) / least,
            None if value > 0.0 => value.ln(),
            None => self.from,
        };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Round values on it: powers of ten, with 2 and 5 where there are few; at most ten of a linear one.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.log {
            let unit = 10_f64.powf((self.to / 4.0).log10().floor());
            let step =
                [1.0, 2.0, 5.0, 10.0].map(|m| m * unit).into_iter().find(|s| self.to / s <= 5.0).unwrap_or(unit * 10.0);
            return (0..=10).map(|i| f64::from(i) * step).filter(|value| *value <= self.to).collect();
        }
        let decades = (self.to - self.from) / std::f64::consts::LN_10;
        let every = if decades > 7.0 { 2 } else { 1 };
        let within = |value: &f64| (self.from..=self.to).contains(&value.ln());
        let powers = (-12..=18).filter(|power| power % every == 0).map(|power| 10_f64.powi(power));
        let multiples: &[f64] = if decades < 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        powers.flat_map(|power| multiples.iter().map(move |m| m * power)).filter(within).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_is_as_long_everywhere() {
        let scale = Scale::log([1.0, 1e6].into_iter(), 0.0).unwrap().between(0.0, 600.0);
        let step = scale.at(100.0) - scale.at(10.0);
        assert!((scale.at(1e5) - scale.at(1e4) - step).abs() < 1e-9);
        assert_eq!(scale.ticks(), [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6].map(|v: f64| v));
    }

    #[test]
    fn zero_has_a_place_before_all_others() {
        let scale = Scale::log([0.0, 10.0, 1000.0].into_iter(), 0.0).unwrap().between(0.0, 100.0);
        assert!(scale.at(0.0) < scale.at(10.0) && scale.at(0.0) >= 0.0);
        // A crossover may lie there, and must not stand before zero.
        let halfway = f64::midpoint(scale.at(0.0), scale.at(10.0));
        assert!((scale.at(5.0) - halfway).abs() < 1e-9, "{} {halfway}", scale.at(5.0));
    }

    #[test]
    fn nothing_positive_has_no_scale() {
        assert!(Scale::log([0.0, f64::NAN].into_iter(), 0.1).is_none());
        assert!(Scale::log(std::iter::empty(), 0.1).is_none());
    }

    #[test]
    fn one_value_alone_stands_in_the_middle() {
        let scale = Scale::log([42.0].into_iter(), 0.1).unwrap().between(0.0, 100.0);
        assert!((scale.at(42.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_linear_axis_has_few_round_ticks() {
        let ticks = Scale::from_zero([0.3, 0.97].into_iter()).unwrap().ticks();
        assert!((3..=6).contains(&ticks.len()), "{ticks:?}");
    }
}
