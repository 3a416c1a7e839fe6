//! The A/A probe: the same code measured as if it were two mechanisms. What differs between the two is noise.
//!
//! The loop writes 64 bytes into a pipe and reads them back, alone: it enters the kernel and moves bytes as most cells do, and nobody
//! has to be woken. Layout bias is not seen by it, as both series are one binary.

use std::io::{self, Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Probes, units};
use crate::clock::Clock;
use crate::estimate::{Estimate, estimate};
use crate::parties::pin;

const MESSAGE_BYTES: usize = 64;

/// One launch: the median of its batches, in ns per message.
pub(super) fn launch(clock: &Clock, cpu: usize, duration: Duration) -> io::Result<Value> {
    pin(&[cpu])?;
    let (mut reader, mut writer) = io::pipe()?;
    let mut bytes = [1_u8; MESSAGE_BYTES];
    let found = units::median_of_batches(clock, duration, |iterations| {
        for _ in 0..iterations {
            writer.write_all(&bytes)?;
            reader.read_exact(&mut bytes)?;
        }
        Ok(())
    });
    found.map(Value::from)
}

/// Two series of launches, interleaved as A B B A A B …, so that drift falls on both; and what their ratio is known to.
pub(super) fn series<E>(launches: u32, mut launch: impl FnMut() -> Result<f64, E>) -> Result<Probes, E> {
    let mut both: [Vec<Vec<f64>>; 2] = Default::default();
    for pair in 0..launches as usize {
        for turn in 0..2 {
            both[(pair + turn) % 2].push(vec![launch()?]);
        }
    }
    let share = match both.map(|series| estimate(&series)) {
        [Some(a), Some(b)] => json!(half_width_of_ratio(&a, &b)),
        _ => json!({"missing": "no launch gave a finite time"}),
    };
    Ok(Probes::from([("aa_noise_share".to_owned(), share), ("aa_launches".to_owned(), json!(launches))]))
}

/// Half the width of an interval for the ratio: the extremes that both intervals together allow, so it covers at least what
/// each of them does.
fn half_width_of_ratio(a: &Estimate, b: &Estimate) -> f64 {
    (a.interval.high / b.interval.low - a.interval.low / b.interval.high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn noise(values: &[f64]) -> f64 {
        let mut values = values.iter().copied();
        let probes = series(6, || Ok::<f64, Infallible>(values.next().unwrap())).unwrap();
        probes["aa_noise_share"].as_f64().unwrap()
    }

    #[test]
    fn equal_launches_have_no_noise() {
        assert_eq!(noise(&[500.0; 12]), 0.0);
    }

    #[test]
    fn the_share_is_what_both_intervals_allow() {
        let mut values = [100.0; 12];
        values[3] = 110.0;
        // One series reaches from 100 to 110: the ratio from 100/110 or 100/100 to 110/100 or 100/100.
        assert!((noise(&values) - 0.05).abs() < 0.01, "{}", noise(&values));
    }

    #[test]
    fn one_launch_is_a_number() {
        let cpu = crate::placement::Topology::of_this_machine().allowed()[0];
        let ns = launch(&Clock::vdso(), cpu, Duration::from_millis(2)).unwrap();
        assert!(ns.as_f64().is_some_and(|ns| ns > 10.0), "{ns}");
    }
}
