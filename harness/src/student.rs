//! Tails and quantiles of Student's t, as far as verdicts need them.
//!
//! Sources: D. L. Wallace, *Bounds on normal approximations to Student's and the chi-square distributions*, Ann. Math. Statist. 30
//! (1959), for t by a normal deviate; M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions* (1964), 26.2.11 and
//! 26.2.14, for the normal tail by series and by continued fraction.

use std::f64::consts::TAU;

/// So many degrees of freedom are those of the normal distribution.
pub const NORMAL: f64 = 1e9;

/// P(T > `t`) for so many degrees of freedom; within 7 % of the exact value from 2 degrees on for tails down to 1/2000, and closer
/// the more degrees there are.
#[must_use]
pub fn tail(t: f64, degrees: f64) -> f64 {
    let deviate = (8.0 * degrees + 1.0) / (8.0 * degrees + 3.0) * (degrees * (t * t / degrees).ln_1p()).sqrt();
    if t < 0.0 { 1.0 - normal_tail(deviate) } else { normal_tail(deviate) }
}

/// The t that 2.5 % lie beyond.
#[must_use]
pub fn quantile_975(degrees: f64) -> f64 {
    let (mut low, mut high) = (1.9, 13.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if tail(middle, degrees) > 0.025 { low = middle } else { high = middle }
    }
    low
}

/// P(Z > `z`) of the standard normal distribution, for `z` from 0.
#[must_use]
pub fn normal_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / TAU.sqrt();
    if z < 2.0 {
        let term = |(power, sum): (f64, f64), k: i32| {
            let power = power * z * z / f64::from(2 * k + 1);
            (power, sum + power)
        };
        return 0.5 - density * (1..40).fold((z, z), term).1;
    }
    density / (z + (1..80).rev().fold(0.0, |fraction, k| f64::from(k) / (z + fraction)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_published_tables() {
        // Degrees, t, tail: Abramowitz and Stegun, table 26.10; the last row is normal.
        for (degrees, t, expected) in [
            (4.0, 2.776, 0.025),
            (6.0, 5.959, 0.0005),
            (18.0, 2.101, 0.025),
            (20.0, 3.850, 0.0005),
            (1e9, 1.959_964, 0.025),
            (1e9, 5.0, 2.8665e-7),
        ] {
            let found = tail(t, degrees);
            assert!((found / expected - 1.0).abs() < 0.07, "{degrees} {t}: {found}");
        }
        assert!((tail(-2.101, 18.0) - 0.975).abs() < 1e-3);
    }

    #[test]
    fn quantiles_are_those_of_published_tables() {
        for (degrees, expected) in [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (10.0, 2.228), (1e9, 1.96)] {
            let found = quantile_975(degrees);
            assert!((found / expected - 1.0).abs() < 0.07, "{degrees}: {found}");
        }
    }
}
