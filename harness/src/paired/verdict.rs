//! What the interval of a ratio says.

use serde::Serialize;

use super::interval::Centre;

/// What is to be decided of each cell.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Rules {
    /// Differences of this share or more are to be told from none.
    pub resolve: f64,
    /// What two builds of one source may differ by without being called different: their code lies at other addresses.
    pub tolerance: f64,
    /// How often a cell may be called different that is not, all looks together.
    pub error_rate: f64,
    /// Slower cells are measured until a slow-down of this share or more is certain or excluded; none: until they are slower.
    pub fail_on: Option<f64>,
}

/// What was decided of a cell.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// B takes longer than A, beyond the tolerance.
    Slower,
    /// B takes less time than A, beyond the tolerance.
    Faster,
    /// The whole interval is nearer to equality than what is to be resolved.
    NoDifference,
    /// None of these.
    NotResolved,
}

impl Rules {
    /// The verdict on a logarithm of a ratio.
    pub fn judge(&self, centre: &Centre) -> Verdict {
        let (tolerance, resolve) = (self.tolerance.ln_1p(), self.resolve.ln_1p());
        if centre.low > tolerance {
            return if self.straddles_limit(centre) { Verdict::NotResolved } else { Verdict::Slower };
        }
        if centre.high < -tolerance {
            return Verdict::Faster;
        }
        let inside = centre.low > -resolve && centre.high < resolve;
        if inside { Verdict::NoDifference } else { Verdict::NotResolved }
    }

    /// B is slower, and whether by [`Rules::fail_on`] or more is not decided.
    pub fn is_slower_by_what_is_not_resolved(&self, centre: &Centre) -> bool {
        centre.low > self.tolerance.ln_1p() && self.straddles_limit(centre)
    }

    fn straddles_limit(&self, centre: &Centre) -> bool {
        self.fail_on.is_some_and(|limit| centre.low < limit.ln_1p() && centre.high >= limit.ln_1p())
    }

    /// By what factor more episodes would resolve a centre like this one, if it stays where it is; none: it has no width yet.
    pub fn factor_to_resolve(&self, centre: &Centre) -> Option<f64> {
        let half_width = (centre.high - centre.low) / 2.0;
        let mut beyond_equality = centre.point.abs() - self.tolerance.ln_1p();
        if let Some(limit) = self.fail_on.filter(|_| centre.point > 0.0) {
            beyond_equality = beyond_equality.min((centre.point - limit.ln_1p()).abs());
        }
        let within = self.resolve.ln_1p() - centre.point.abs();
        let allowed = beyond_equality.max(within);
        half_width.is_finite().then(|| (half_width / allowed).powi(2)).filter(|factor| factor.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { resolve: 0.05, tolerance: 0.01, error_rate: 0.01, fail_on: None };

    fn centre(low: f64, high: f64) -> Centre {
        Centre { point: (low + high) / 2.0, low, high }
    }

    #[test]
    fn an_interval_beyond_equality_is_a_difference_and_one_within_what_is_resolved_none() {
        for (low, high, verdict) in [
            (0.04, 0.06, Verdict::Slower),
            (0.02, 0.03, Verdict::Slower),
            (-0.06, -0.02, Verdict::Faster),
            (-0.04, 0.04, Verdict::NoDifference),
            (0.005, 0.015, Verdict::NoDifference),
            (0.005, 0.06, Verdict::NotResolved),
            (f64::NEG_INFINITY, f64::INFINITY, Verdict::NotResolved),
        ] {
            assert_eq!(RULES.judge(&centre(low, high)), verdict, "{low} … {high}");
        }
    }

    #[test]
    fn what_is_slower_is_decided_at_the_limit_where_one_is_given() {
        let rules = Rules { fail_on: Some(0.1), ..RULES };
        for (low, high, verdict) in [
            (0.012, 0.11, Verdict::NotResolved),
            (0.012, 0.09, Verdict::Slower),
            (0.1, 0.2, Verdict::Slower),
            (-0.2, -0.02, Verdict::Faster),
            (-0.04, 0.04, Verdict::NoDifference),
        ] {
            assert_eq!(rules.judge(&centre(low, high)), verdict, "{low} … {high}");
        }
        assert!(rules.is_slower_by_what_is_not_resolved(&centre(0.012, 0.11)));
        assert!(!rules.is_slower_by_what_is_not_resolved(&centre(0.005, 0.11)));
        // Half a percent from the limit, and five times as wide.
        let near = Centre { point: 0.1f64.ln_1p() - 0.005, low: 0.065, high: 0.115 };
        assert!((rules.factor_to_resolve(&near).unwrap() - 25.0).abs() < 1e-6);
    }

    #[test]
    fn half_the_width_that_is_allowed_takes_four_times_the_episodes() {
        let factor = RULES.factor_to_resolve(&centre(-2.0 * 0.05f64.ln_1p(), 2.0 * 0.05f64.ln_1p())).unwrap();
        assert!((factor - 4.0).abs() < 1e-9, "{factor}");
        assert_eq!(RULES.factor_to_resolve(&centre(f64::NEG_INFINITY, f64::INFINITY)), None);
    }
}
