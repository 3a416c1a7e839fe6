//! Looking at data while they come in, without more false alarms: a group-sequential boundary.
//!
//! At each look the boundary may be crossed by chance with a probability that is fixed beforehand by *when* the look is, not by
//! what has been seen: error spending by calendar time (K. K. G. Lan and D. L. DeMets, *Discrete sequential boundaries for
//! clinical trials*, Biometrika 70, 1983; *Group sequential procedures: calendar versus information time*, Statistics in
//! Medicine 8, 1989). The share spent grows with the square of time (the family of K. Kim and D. L. DeMets, Biometrika 74, 1987):
//! large effects are found early, and little is lost at the end.
//!
//! The walk is that of a sign statistic, +1 or −1 a value with equal odds. Its distribution among the paths that have not
//! crossed is computed exactly, so there is no approximation where values are few.

/// How much of the error rate may be spent when `share` (0 … 1) of the time is over.
pub fn spent(error_rate: f64, share: f64) -> f64 {
    error_rate * share.clamp(0.0, 1.0).powi(2)
}

/// The boundary of one cell, look by look.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// By (sum + values): the probability of sums that no look has ended. The other half of the entries is zero.
    within: Vec<f64>,
    values: usize,
    crossed: f64,
}

impl Default for Boundary {
    fn default() -> Self {
        Boundary { within: vec![1.0], values: 0, crossed: 0.0 }
    }
}

impl Boundary {
    /// The boundary for the sum of `values` signs, with at most `spent` spent on all looks so far; none: so few values cannot
    /// show anything. Looks come in the order of their values.
    pub fn look(&mut self, values: usize, spent: f64) -> Option<usize> {
        while self.values < values {
            self.step();
        }
        let mut bound = None;
        for sum in (values % 2..=values).rev().step_by(2).filter(|&sum| sum > 0) {
            let outside = self.within[values + sum] + self.within[values - sum];
            if self.crossed + outside > spent {
                break;
            }
            self.crossed += outside;
            self.within[values + sum] = 0.0;
            self.within[values - sum] = 0.0;
            bound = Some(sum);
        }
        bound
    }

    fn step(&mut self) {
        let mut next = vec![0.0; self.within.len() + 2];
        for (place, probability) in self.within.iter().enumerate() {
            next[place] += probability / 2.0;
            next[place + 2] += probability / 2.0;
        }
        self.within = next;
        self.values += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_is_the_sign_test() {
        // Le Boudec's table: of 10 values the second smallest and largest cover 97.85 %, so |sum| ≥ 8 has 2.15 %.
        assert_eq!(Boundary::default().look(10, 0.05), Some(8));
        assert_eq!(Boundary::default().look(6, 0.05), Some(6));
        assert_eq!(Boundary::default().look(5, 0.05), None);
    }

    #[test]
    fn what_one_look_cannot_spend_the_next_can() {
        let mut boundary = Boundary::default();
        assert_eq!(boundary.look(4, 0.01), None);
        assert_eq!(boundary.look(10, 0.05), Some(8));
    }

    #[test]
    fn many_looks_together_cross_no_oftener_than_the_error_rate() {
        let mut random = fastrand::Rng::with_seed(3);
        let looks: Vec<usize> = (1..=20).map(|look| 5 * look).collect();
        let mut boundary = Boundary::default();
        let bounds: Vec<Option<usize>> =
            looks.iter().map(|&n| boundary.look(n, spent(0.05, n as f64 / 100.0))).collect();
        let crosses = |random: &mut fastrand::Rng| {
            let mut sum = 0i32;
            (1..=100usize).any(|n| {
                sum += if random.bool() { 1 } else { -1 };
                let look = looks.iter().position(|&look| look == n);
                look.and_then(|look| bounds[look]).is_some_and(|bound| sum.unsigned_abs() as usize >= bound)
            })
        };
        let trials = 20_000;
        let share = (0..trials).filter(|_| crosses(&mut random)).count() as f64 / f64::from(trials);
        assert!(share <= 0.055, "{share}");
        assert!(share >= 0.03, "{share}");
    }
}
