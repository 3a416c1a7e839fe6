//! Axes: the frame in which marks stand, with its lines and labels.

use maud::{Markup, html};

use super::marks::Px;
use super::scale::Scale;
use crate::words::{figure, scaled, size_label, time, two_digits};

/// Labels closer than this many letters' width to the one before are left out.
const LETTER: f64 = 6.4;

/// An upright axis at the left, with lines across.
pub(super) fn left(scale: &Scale, from: f64, to: f64, label: fn(f64) -> String, title: &str) -> Markup {
    let middle = f64::midpoint(scale.start(), scale.end());
    html! {
        g.axis {
            @for tick in scale.ticks() {
                @let y = scale.at(tick);
                path.line d=(format!("M{} {}H{}", Px(from), Px(y), Px(to))) {}
                text.right x=(Px(from - 6.0)) y=(Px(y + 4.0)) { (label(tick)) }
            }
            text.title transform=(format!("translate(11 {})rotate(-90)", Px(middle))) { (title) }
        }
    }
}

/// An axis below, with lines upwards; labels that would touch are left out.
pub(super) fn below(scale: &Scale, ticks: &[(f64, String)], from: f64, to: f64, title: &str) -> Markup {
    let middle = f64::midpoint(scale.start(), scale.end());
    html! {
        g.axis {
            @for ((value, label), shown) in ticks.iter().zip(apart(scale, ticks)) {
                @let x = scale.at(*value);
                path.line d=(format!("M{} {}V{}", Px(x), Px(from), Px(to))) {}
                @if shown { text.middle x=(Px(x)) y=(Px(to + 15.0)) { (label) } }
            }
            text.title x=(Px(middle)) y=(Px(to + 32.0)) { (title) }
        }
    }
}

/// Which labels are shown: the last, and before it those that are clear of each other and of it.
fn apart(scale: &Scale, ticks: &[(f64, String)]) -> Vec<bool> {
    let ends = |(value, label): &(f64, String)| {
        let (x, half) = (scale.at(*value), label.chars().count() as f64 * LETTER / 2.0);
        (x - half, x + half + LETTER)
    };
    let last = ticks.iter().rposition(|tick| !tick.1.is_empty());
    let free_to = last.map_or(f64::MAX, |last| ends(&ticks[last]).0);
    let mut free_from = f64::MIN;
    let mut fits = |(place, tick): (usize, &(f64, String))| {
        let (from, to) = ends(tick);
        let fits = Some(place) == last || (from >= free_from && to <= free_to && !tick.1.is_empty());
        if fits {
            free_from = to;
        }
        fits
    };
    ticks.iter().enumerate().map(&mut fits).collect()
}

/// Ticks of times; where not all labels have room, every second one or fewer has one, so that those that are left are evenly apart.
pub(super) fn time_ticks(scale: &Scale) -> Vec<(f64, String)> {
    let ticks: Vec<(f64, String)> = scale.ticks().into_iter().map(|tick| (tick, round_time(tick))).collect();
    let every = |step: usize| ticks.iter().step_by(step).cloned().collect::<Vec<_>>();
    let fits = |step: &usize| apart(scale, &every(*step)).into_iter().all(|fits| fits);
    let step = (1..ticks.len()).find(fits).unwrap_or(ticks.len().max(1));
    let label = |(place, (tick, label))| (tick, if place % step == 0 { label } else { String::new() });
    ticks.into_iter().enumerate().map(label).collect()
}

/// A round time without needless digits: `10 µs`.
pub(super) fn round_time(ns: f64) -> String {
    match ns {
        0.0 => "0".into(),
        ns if ns < 1e3 => format!("{} ns", plain(ns)),
        ns if ns < 1e6 => format!("{} µs", plain(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", plain(ns / 1e6)),
        ns if ns < 1e12 => format!("{} s", plain(ns / 1e9)),
        ns => time(ns),
    }
}

/// A size: `4KiB`, or `230 KiB` where no unit divides it.
pub(super) fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1024.0 * 1024.0 && b % 1024.0 != 0.0 => format!("{} MiB", figure(two_digits(b / 1024.0 / 1024.0), 2)),
        b if b >= 1024.0 && b % 1024.0 != 0.0 => format!("{} KiB", figure(two_digits(b / 1024.0), 2)),
        b => size_label(b as usize),
    }
}

/// A rate: `10 k/s`.
pub(super) fn rate(per_s: f64) -> String {
    format!("{}/s", prefixed(per_s))
}

/// A bandwidth: `1 GB/s`.
pub(super) fn bytes_per_s(value: f64) -> String {
    format!("{}B/s", prefixed(value))
}

fn prefixed(value: f64) -> String {
    let text = scaled(value);
    let (digits, prefix) = text.split_once(' ').unwrap_or((&text, ""));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits} {prefix}")
}

/// Digits without trailing zeros behind the point.
pub(super) fn plain(value: f64) -> String {
    let text = figure(value, 3);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_touch_are_left_out() {
        let scale = Scale::log([1.0, 2.0, 1e6].into_iter(), 0.0).unwrap().between(0.0, 300.0);
        let ticks = [(1.0, "first".to_owned()), (2.0, "second".to_owned()), (1e6, "last".to_owned())];
        let drawn = below(&scale, &ticks, 0.0, 10.0, "x").into_string();
        assert!(drawn.contains("first") && !drawn.contains("second") && drawn.contains("last"), "{drawn}");
    }

    #[test]
    fn labels_that_are_left_out_are_evenly_so() {
        let scale = Scale::log([10.0, 1e7].into_iter(), 0.0).unwrap().between(0.0, 220.0);
        let shown: Vec<bool> = time_ticks(&scale).iter().map(|(_, label)| !label.is_empty()).collect();
        assert_eq!(shown, [true, false, true, false, true, false, true]);
    }

    #[test]
    fn round_times_have_no_needless_digits() {
        assert_eq!([0.5, 1.0, 2e4, 1.5e6, 1e9].map(round_time), ["0.5 ns", "1 ns", "20 µs", "1.5 ms", "1 s"]);
    }
}
