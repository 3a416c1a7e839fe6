//! How cells and figures are said: the one vocabulary of tables, comparisons, citations and the page.
//!
//! Words are those of the record, which a stranger may have written: nothing here is escaped. Who prints passes them through
//! [`sanitize`](ipcmark_harness::record::sanitize), who writes HTML escapes them.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_harness::record::{Cell, Header, Revision};
use serde_json::Value;

/// `64B`, `4KiB`, `1MiB`: the largest unit that divides it.
pub fn size_label(bytes: usize) -> String {
    match bytes {
        b if b >= 1 << 20 && b % (1 << 20) == 0 => format!("{}MiB", b >> 20),
        b if b >= 1 << 10 && b % (1 << 10) == 0 => format!("{}KiB", b >> 10),
        b => format!("{b}B"),
    }
}

/// `0`, `10us`, `1ms`.
pub fn time_label(ns: u64) -> String {
    match ns {
        0 => "0".into(),
        ns if ns % 1_000_000 == 0 => format!("{}ms", ns / 1_000_000),
        ns if ns % 1000 == 0 => format!("{}us", ns / 1000),
        ns => format!("{ns}ns"),
    }
}

/// `1kHz`, `1MHz`.
pub fn rate_label(per_s: u64) -> String {
    match per_s {
        rate if rate % 1_000_000 == 0 => format!("{}MHz", rate / 1_000_000),
        rate if rate % 1000 == 0 => format!("{}kHz", rate / 1000),
        rate => format!("{rate}Hz"),
    }
}

/// `0a1b2c3`, `0a1b2c3-dirty`, or `unknown`.
pub fn revision(revision: &Revision) -> String {
    let short = revision.commit.as_deref().map_or("unknown", |commit| commit.get(..7).unwrap_or(commit));
    if revision.dirty == Some(true) { format!("{short}-dirty") } else { short.to_owned() }
}

/// All of the setup, in one phrase: `process, same-cache, block, 64B, 4 peers, after 10us`.
pub fn conditions(cell: &Cell) -> String {
    let text = |key: &str| cell.setup.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    let number = |key: &str| cell.setup.get(key).and_then(Value::as_u64);
    let payload = number("payload_bytes").map_or_else(|| "?".into(), |bytes| size_label(bytes as usize));
    // Where each waits in its own way, all parties do the same; else the others are the peers of one.
    let parties = match (text("waiting").as_str(), number("parties")) {
        ("own", Some(1)) => Some("1 party".into()),
        ("own", Some(parties)) => Some(format!("{parties} parties")),
        (_, parties) => parties.filter(|_| cell.shares.is_some()).map(|n| match n.saturating_sub(1) {
            1 => "1 peer".into(),
            peers => format!("{peers} peers"),
        }),
    };
    let idle = number("idle_ns").map(|ns| format!("after {} idle", time_label(ns)));
    let rate = number("rate_per_s").map(|rate| format!("at {}", rate_label(rate)));
    let reads = number("reads_per_mille").map(|reads| format!("{} % reads", reads as f64 / 10.0));
    let hold = number("hold_ns").map(|ns| format!("held {}", time_label(ns)));
    let outside = number("outside_ns").map(|ns| format!("{} between", time_label(ns)));
    let permits =
        number("permits").map(|permits| if permits == 1 { "1 permit".into() } else { format!("{permits} permits") });
    let memory = number("memory_bytes").map(|bytes| format!("{} of memory", size_label(bytes as usize)));
    let stride = number("stride_bytes").map(|bytes| format!("touched every {}", size_label(bytes as usize)));
    let quantum = number("quantum_ns").map(|ns| format!("leaving the CPU every {}", time_label(ns)));
    let capture = (number("hold_ns"), number("outside_ns")) == (Some(0), Some(0));
    let always = [text("peer"), text("placement"), text("waiting"), payload];
    let capture = capture.then(|| "capture".to_owned());
    let more = [parties, idle, rate, reads, permits, hold, outside, capture, memory, stride, quantum];
    always.into_iter().chain(more.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}

/// The text, or its first characters with an ellipsis.
#[must_use]
pub fn clipped(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The value of a fact of a header's map, unless it is missing.
pub fn fact<'a>(facts: &'a BTreeMap<String, Value>, name: &str) -> Option<&'a Value> {
    facts.get(name)?.get("value")
}

/// The same in words; `unknown` where it is missing.
pub fn fact_text(facts: &BTreeMap<String, Value>, name: &str) -> String {
    fact(facts, name).map_or_else(|| "unknown".into(), value_text)
}

/// A JSON value without the quotation marks of a string.
pub fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `2 × Intel(R) Xeon(R) Processor, virtual machine (KVM), Linux 6.18.5`.
pub fn system(header: &Header) -> String {
    let fact = |name: &str| fact_text(&header.machine, name);
    let platform = match fact("hypervisor").as_str() {
        "none" => "bare metal".to_owned(),
        "unknown" => "bare metal or virtual machine: unknown".to_owned(),
        name => format!("virtual machine ({name})"),
    };
    format!("{} × {}, {platform}, Linux {}", fact("cpus_online_count"), fact("cpu_model_name"), fact("kernel_release"))
}

/// `1 cell`, `2 cells`, `2 launches`.
pub fn count(count: usize, thing: &str) -> String {
    let plural = if thing.ends_with("ch") { "es" } else { "s" };
    format!("{count} {thing}{}", if count == 1 { "" } else { plural })
}

/// Nanoseconds in the unit that keeps one to three digits before the point, three digits in all.
pub fn time(ns: f64) -> String {
    let (unit, name) = unit(ns);
    format!("{} {name}", figure(ns / unit, 3))
}

/// A time that was interpolated, to two digits: it is not known better. `3.8 µs`, and `0` for none.
pub fn rough_time(ns: f64) -> String {
    let (unit, name) = unit(ns);
    if ns == 0.0 { "0".into() } else { format!("{} {name}", figure(two_digits(ns / unit), 2)) }
}

/// The value with all but its two leading digits rounded away.
pub fn two_digits(value: f64) -> f64 {
    let unit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    if value == 0.0 || !value.is_finite() { value } else { (value / unit).round() * unit }
}

/// The unit that keeps one to three digits before the point, in nanoseconds, and its name.
fn unit(ns: f64) -> (f64, &'static str) {
    match ns.abs() {
        ns if ns < 1e3 => (1.0, "ns"),
        ns if ns < 1e6 => (1e3, "µs"),
        ns if ns < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    }
}

/// `value` with so many significant digits, never in scientific notation.
pub fn figure(value: f64, digits: i32) -> String {
    format!("{value:.*}", decimals(value, digits))
}

/// `1.23 M`: three digits and a decimal prefix.
pub fn scaled(value: f64) -> String {
    let (unit, prefix) = match value.abs() {
        v if v < 1e3 => (1.0, ""),
        v if v < 1e6 => (1e3, "k"),
        v if v < 1e9 => (1e6, "M"),
        v if v < 1e12 => (1e9, "G"),
        _ => (1e12, "T"),
    };
    format!("{} {prefix}", figure(value / unit, 3))
}

/// A time with its interval, in one unit, no digit of which is beyond what the interval supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The estimate: `5.43`.
    pub value: String,
    /// Low and high ends of the interval, if there is one: `5.31`, `5.52`.
    pub interval: Option<[String; 2]>,
    /// `ns`, `µs`, `ms` or `s`; empty: none.
    pub unit: &'static str,
}

/// The most digits that are given of a time, however narrow its interval.
const MOST_DIGITS: i32 = 4;

impl Figures {
    /// Rounds as the Particle Data Group does (Review of Particle Physics, introduction, 5.3): from the three leading digits
    /// of the half-width, up to 354 two of its digits count, up to 949 one, and above it is 1000, of which two count.
    /// Without an interval, or with one of no width, there are three digits, or four.
    pub fn new(ns: f64, interval_ns: Option<[f64; 2]>) -> Figures {
        let (scale, unit) = unit(ns);
        Figures::scaled(ns, interval_ns, (scale, unit), MOST_DIGITS)
    }

    /// The same with three digits at most, for narrow tables.
    pub fn short(ns: f64, interval_ns: Option<[f64; 2]>) -> Figures {
        let (scale, unit) = unit(ns);
        Figures::scaled(ns, interval_ns, (scale, unit), 3)
    }

    /// The same of a number without a unit, such as a ratio.
    pub fn plain(value: f64, interval: Option<[f64; 2]>) -> Figures {
        Figures::scaled(value, interval, (1.0, ""), MOST_DIGITS)
    }

    fn scaled(ns: f64, interval_ns: Option<[f64; 2]>, (scale, unit): (f64, &'static str), digits: i32) -> Figures {
        let half_width = interval_ns.map(|[low, high]| (high - low) / 2.0 / scale);
        let most = decimals(ns / scale, digits);
        let decimals = match half_width {
            None => decimals(ns / scale, 3),
            Some(width) if width > 0.0 => most.min(supported_decimals(width)),
            Some(_) => most,
        };
        let said = |ns: f64| format!("{:.*}", decimals, ns / scale);
        Figures { value: said(ns), interval: interval_ns.map(|ends| ends.map(said)), unit }
    }
}

impl fmt::Display for Figures {
    /// `5.43 µs (5.31 – 5.52)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.unit.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.value, self.unit)?;
        self.interval.as_ref().map_or(Ok(()), |[low, high]| write!(f, " ({low} – {high})"))
    }
}

/// Digits behind the point where so many are significant.
fn decimals(value: f64, digits: i32) -> usize {
    // Sums of what a stranger wrote may be infinite.
    let before_point = if value.is_finite() && value.abs() >= 1.0 { value.abs().log10().floor() as i32 + 1 } else { 1 };
    (digits - before_point).max(0) as usize
}

fn supported_decimals(half_width: f64) -> usize {
    let place = half_width.log10().floor();
    let leading = half_width / 10_f64.powf(place - 2.0);
    let last_kept = match leading {
        leading if leading < 354.5 => place - 1.0,
        _ => place,
    };
    (-last_kept).clamp(0.0, 12.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits_in_the_fitting_unit() {
        let shown: Vec<String> = [0.0, 1.234, 12.34, 123.4, 1234.0, 56_780.0, 7.9e6, 2.5e9].map(time).to_vec();
        assert_eq!(shown, ["0.00 ns", "1.23 ns", "12.3 ns", "123 ns", "1.23 µs", "56.8 µs", "7.90 ms", "2.50 s"]);
    }

    #[test]
    fn interpolated_times_have_two_digits() {
        let shown: Vec<String> = [0.0, 7.0, 3849.0, 12_345.0, 273_400.0].map(rough_time).to_vec();
        assert_eq!(shown, ["0", "7.0 ns", "3.8 µs", "12 µs", "270 µs"]);
    }

    #[test]
    fn large_figures_lose_no_digits_before_the_point_and_infinite_ones_do_not_panic() {
        assert_eq!(figure(17_042.4, 3), "17042");
        assert_eq!(figure(f64::INFINITY, 3), "inf");
    }

    #[test]
    fn no_digit_goes_beyond_what_the_interval_supports() {
        let shown = |ns, low, high| Figures::new(ns, Some([low, high])).to_string();
        assert_eq!(shown(5432.1, 5310.0, 5520.0), "5.43 µs (5.31 – 5.52)"); // ± 0.105: two digits
        assert_eq!(shown(5432.1, 5000.0, 6000.0), "5.4 µs (5.0 – 6.0)"); // ± 0.5: one
        assert_eq!(shown(5432.1, 3530.0, 5510.0), "5.4 µs (3.5 – 5.5)"); // ± 0.99: 1.0
        assert_eq!(shown(5432.1, 2000.0, 20_000.0), "5 µs (2 – 20)"); // ± 9
        assert_eq!(shown(5432.123, 5432.120, 5432.125), "5.432 µs (5.432 – 5.432)");
        assert_eq!(shown(43_210.0, 43_210.0, 43_210.0), "43.21 µs (43.21 – 43.21)");
    }

    #[test]
    fn without_an_interval_three_digits_are_given() {
        assert_eq!(Figures::new(5432.1, None).to_string(), "5.43 µs");
    }
}
