//! What is said of a column: its common shift, what that rests on, how many cells there are of each verdict, and what else differs.

use super::{Column, Comparison, Entry, KnownBy, Ratio, Verdict, Whole};
use crate::words::{self, count, figure};

impl Comparison {
    /// The sentences on one column, words of a stranger as they are.
    pub(super) fn said_of(&self, place: usize) -> Vec<String> {
        let column = &self.columns[place];
        let entries: Vec<&Entry> = self.rows.iter().filter_map(|row| row.values[place].as_ref()).collect();
        let compared = entries.iter().filter(|entry| entry.ratio.is_some()).count();
        if !column.apart_by.is_empty() {
            return vec![format!(
                "{}: {} beside the first column's, of another environment",
                column.label,
                count(compared, "cell")
            )];
        }
        let mut said: Vec<String> = Vec::new();
        if let Some(whole) = &column.whole {
            said.push(format!("{}: {}", column.label, whole_text(whole, self.tolerances[place])));
            said.push(format!("{}: {}", column.label, rests_on(whole)));
        } else if !column.records.is_empty() && compared > 0 {
            let why = "as a whole: not resolved, as no undisturbed cell has launches enough for an interval";
            said.push(format!("{}: {why}", column.label));
        }
        said.push(counted(column, &entries, compared, self.tolerances[place]));
        said.extend(beyond(column, &entries));
        if !column.confounders.is_empty() {
            let besides = if self.treatment { format!("besides {}", self.by) } else { "besides".into() };
            let names = column.confounders.join(", ");
            said.push(format!(
                "{}: {besides} there differ: {names}; any of these may be the reason for a difference",
                column.label
            ));
        }
        if let Some(first) = column.unmeasured.first() {
            said.push(format!("{}: {}", column.label, unmeasured_text(column.unmeasured.len(), first)));
        }
        said
    }
}

/// `2 cells were asked of both and not measured in both, … the first`.
pub(super) fn unmeasured_text(cells: usize, first: &str) -> String {
    match cells {
        1 => format!("1 cell was asked of both and not measured in both: {first}"),
        several => format!("{several} cells were asked of both and not measured in both, {first} the first"),
    }
}

/// `everything × 3.00 (2.95 – 3.05): slower`.
fn whole_text(whole: &Whole, tolerance: f64) -> String {
    let (ratio, cells) = (ratio_text(&whole.ratio), count(whole.cells, "cell"));
    let machine = whole.machine.map_or(1.0, |machine| machine.value);
    match whole.verdict {
        Verdict::NoDifference { larger_than } => {
            format!("as a whole no difference larger than {} % (× {ratio}, {cells})", percent(larger_than))
        }
        _ if whole.machine_explains && whole.verdict.is_open() => format!(
            "everything × {ratio}, and the machine's own steps × {}: the machine was another, and nothing is known of the code",
            digits(machine)
        ),
        Verdict::Slower | Verdict::Faster => {
            let word = if whole.verdict == Verdict::Slower { "slower" } else { "faster" };
            format!("everything × {ratio}: {word}, beyond the tolerance of {} % ({cells})", percent(tolerance))
        }
        _ => format!("as a whole × {ratio}: not resolved ({cells})"),
    }
}

/// What tells how much two runs differ as wholes.
fn rests_on(whole: &Whole) -> String {
    let steps = whole.machine.map(|machine| {
        let [low, high] = machine.interval.map(digits);
        let (value, steps) = (digits(machine.value), machine.steps);
        let moved = match (machine.moved, high_over_low(machine.interval) > 1.2) {
            (true, _) => "the machine was another",
            (false, true) => "too far apart to tell whether the machine was another",
            (false, false) => "so that a common shift is not the machine's",
        };
        format!("its {steps} own steps (units and null) took × {value} ({low} – {high}): {moved}")
    });
    let scatter = format!("cells scatter by {} % between the two beyond their launches", percent(whole.scatter));
    match (whole.known_by, whole.between_records, steps) {
        (KnownBy::Records, Some(between), _) => {
            format!("how much runs differ as wholes is known from several records: ± {} %; {scatter}", percent(between))
        }
        (_, _, Some(steps)) => format!(
            "one record a side, so how much runs differ as wholes is known from the machine alone: {steps}; {scatter}"
        ),
        _ => format!(
            "one record a side and no probe of the machine: how much runs differ as wholes is not known, and the tolerance stands for \
             it; several records a side (--treatment) would tell; {scatter}"
        ),
    }
}

fn high_over_low([low, high]: [f64; 2]) -> f64 {
    high / low
}

fn counted(column: &Column, entries: &[&Entry], compared: usize, tolerance: f64) -> String {
    let number =
        |of: fn(&Verdict) -> bool| entries.iter().filter_map(|entry| entry.verdict.as_ref()).filter(|v| of(v)).count();
    let slower = number(|verdict| *verdict == Verdict::Slower);
    let faster = number(|verdict| *verdict == Verdict::Faster);
    let same = number(|verdict| matches!(verdict, Verdict::NoDifference { .. }));
    let open = number(Verdict::is_open);
    let chance = match slower + faster {
        0 => String::new(),
        called => format!(" (of these {called}, {} or fewer are expected to be false)", digits(called as f64 / 20.0)),
    };
    format!(
        "{}: of {} {slower} slower, {faster} faster{chance}, {same} without a difference that matters, {open} not \
         resolvable; a difference counts when its whole interval is beyond {} %",
        column.label,
        words::count(compared, "cell"),
        percent(tolerance)
    )
}

/// The cells that differ from the whole, the furthest first.
fn beyond(column: &Column, entries: &[&Entry]) -> Option<String> {
    const MOST_NAMED: usize = 3;
    let called = |entry: &&&Entry| matches!(entry.beyond_verdict, Some(Verdict::Slower | Verdict::Faster));
    let mut called: Vec<&Entry> = entries.iter().filter(called).copied().collect();
    let distance = |entry: &Entry| entry.beyond.map_or(0.0, |ratio| ratio.value.ln().abs());
    called.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    // Without a common shift this is what the verdicts themselves say.
    let shifted = column.whole.as_ref().is_some_and(|whole| !matches!(whole.verdict, Verdict::NoDifference { .. }));
    let named = |entry: &&Entry| Some(format!("{} × {}", entry.id, ratio_text(&entry.beyond?)));
    let names: Vec<String> = called.iter().take(MOST_NAMED).filter_map(named).collect();
    let more = called.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (shifted && !names.is_empty()).then(|| format!("{}: beyond that: {}{more}", column.label, names.join(", ")))
}

pub(super) fn verdict_text(entry: &Entry, whole: Option<&Whole>) -> String {
    let text = match &entry.verdict {
        Some(Verdict::Slower) => "slower".into(),
        Some(Verdict::Faster) => "faster".into(),
        Some(Verdict::NoDifference { larger_than }) => format!("no difference larger than {} %", percent(*larger_than)),
        Some(Verdict::IntervalTooWide) => "not resolvable: interval too wide".into(),
        Some(Verdict::TooFewLaunches) => "not resolvable: fewer than four launches".into(),
        Some(Verdict::AmongMany) => "not resolvable: one such is expected among so many cells".into(),
        Some(Verdict::Disturbed) => format!("disturbed: {}", entry.disturbed.as_deref().unwrap_or("other work")),
        None => return "–".into(),
    };
    let shifted = whole.is_some_and(|whole| !matches!(whole.verdict, Verdict::NoDifference { .. }));
    match (entry.beyond, &entry.beyond_verdict) {
        (Some(ratio), Some(Verdict::Slower | Verdict::Faster)) if shifted => {
            format!("{text}; × {} of the whole", digits(ratio.value))
        }
        (_, Some(Verdict::NoDifference { .. })) if shifted => format!("{text}; as the whole"),
        _ => text,
    }
}

/// `1.103 (1.081 – 1.125)`.
pub(super) fn ratio_text(ratio: &Ratio) -> String {
    let interval = ratio.interval.map(|[low, high]| format!(" ({} – {})", digits(low), digits(high)));
    format!("{}{}", digits(ratio.value), interval.unwrap_or_default())
}

fn digits(value: f64) -> String {
    match value {
        small if small < 10.0 => format!("{small:.3}"),
        huge if huge >= 1e6 => format!("{huge:.2e}"),
        value => figure(value, 3),
    }
}

fn percent(share: f64) -> String {
    figure(share * 100.0, 2)
}
