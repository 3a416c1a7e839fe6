//! The ratio of two cells in one sentence.

use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::sanitize;
use serde::Serialize;

use super::{Citation, Refusal, cite};
use crate::compare::environment::distance;
use crate::compare::ratio::Ranks;
use crate::load::Source;
use crate::words::Figures;

/// Two numbers and their ratio.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// What the other is set against.
    pub base: Citation,
    /// The other.
    pub other: Citation,
    /// How many times as long the other takes.
    pub ratio: f64,
    /// Its interval at 95 %, across launches; none where there are too few.
    pub ratio_interval: Option<[f64; 2]>,
    /// The worse of both grades; none where one was not graded.
    pub grade: Option<Letter>,
    /// What sets their environments apart; empty: they are of one.
    pub apart_by: Vec<String>,
    /// All of it in one sentence.
    pub sentence: String,
}

/// The citation of `other` against `base`, which may be of one record.
///
/// # Errors
/// If one of the two cannot be cited, or they have no ratio.
pub fn pair(base: (&Source, &str), other: (&Source, &str), anyway: bool) -> Result<Pair, Refusal> {
    let (one, two) = (cite(base.0, base.1, anyway)?, cite(other.0, other.1, anyway)?);
    let launches = |(source, id): (&Source, &str)| -> Vec<f64> {
        let cell = source.record.cell(id);
        let launches: Vec<f64> =
            cell.iter().flat_map(|cell| &cell.per_launch).map(|launch| launch.estimate_ns).collect();
        if launches.len() > 1 { launches } else { Vec::new() }
    };
    let found = Ranks::default().ratio(&launches(base), &launches(other));
    let ratio = found.map_or(two.estimate_ns / one.estimate_ns, |found| found.value);
    if !ratio.is_finite() || ratio <= 0.0 {
        let sentence = format!("{} and {} have no ratio: a time is zero", sanitize(base.1), sanitize(other.1));
        return Err(Refusal::NotCitable(sentence));
    }
    let mut pair = Pair {
        ratio,
        ratio_interval: found.and_then(|found| found.interval),
        // A is the least letter.
        grade: one.grade.zip(two.grade).map(|(one, two)| one.max(two)),
        apart_by: if base.0.digest == other.0.digest { Vec::new() } else { distance(base.0, other.0) },
        base: one,
        other: two,
        sentence: String::new(),
    };
    pair.sentence = sanitize(&sentence(&pair));
    Ok(pair)
}

fn sentence(pair: &Pair) -> String {
    let Pair { base, other, .. } = pair;
    let figures = Figures::plain(pair.ratio, pair.ratio_interval);
    let spans = match &figures.interval {
        Some([low, high]) => {
            format!(" (95 % interval {low} – {high} across {} and {} launches)", base.launches, other.launches)
        }
        None => " (no interval: fewer than four launches of each)".into(),
    };
    let grade = pair.grade.map_or_else(|| "not graded".into(), |letter| format!("grade {letter}, the worse of both"));
    let time = |citation: &Citation| {
        let said = Figures::new(citation.estimate_ns, citation.interval_ns);
        format!("{} {}", said.value, said.unit)
    };
    let named = |citation: &Citation| match citation.conditions.as_str() {
        "" => format!("{}, {}", citation.workload, citation.mechanism),
        conditions => format!("{}, {} ({conditions})", citation.mechanism, citation.workload),
    };
    let place = |citation: &Citation| {
        let date = super::on(&citation.started_utc);
        let Citation { system, suite, revision, .. } = citation;
        format!("on {system}, {date} with ipcmark {suite} at {revision}, record SHA-256 {}", citation.record_sha256)
    };
    let one_record = base.record_sha256 == other.record_sha256;
    let measured = match (one_record, pair.apart_by.is_empty()) {
        (true, _) => format!("both measured {}", place(base)),
        (_, true) => format!("measured {}, and {}", place(other), place(base)),
        (_, false) => format!(
            "measured in different environments ({}), so that the ratio is not the programs' alone: {}, and {}",
            pair.apart_by.join(", "),
            place(other),
            place(base)
        ),
    };
    let repeat = if base.repeat == other.repeat {
        base.repeat.clone()
    } else {
        format!("{}` and `{}", other.repeat, base.repeat)
    };
    format!(
        "{} takes {} times as long as {}{spans}: {} against {} per operation; {grade}; {measured}; repeat with `{repeat}`.",
        named(other),
        figures.value,
        named(base),
        time(other),
        time(base),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ID, graded};
    use super::*;
    use crate::made_up::Run;

    const OTHER: &str = "stream/process/same-cpu/block/pipe/64B";

    #[test]
    fn two_cells_of_one_record_are_set_against_each_other() {
        let source = graded(Letter::B);
        let pair = pair((&source, ID), (&source, OTHER), false).unwrap();
        assert!((pair.ratio - 0.4).abs() < 0.05 && pair.ratio_interval.is_some());
        assert_eq!((pair.grade, pair.apart_by.len()), (Some(Letter::B), 0));
        let opening = "pipe, stream (process, same-cpu, block, 64B) takes 0.";
        assert!(pair.sentence.starts_with(opening) && pair.sentence.contains("both measured on"), "{}", pair.sentence);
    }

    #[test]
    fn records_of_different_machines_say_so() {
        let (a, mut b) = (graded(Letter::B), graded(Letter::C));
        b.record.header = Run { machine: 3, cells: 1, ..Run::default() }.record().header;
        b.digest = "1".repeat(64);
        let pair = pair((&a, ID), (&b, ID), false).unwrap();
        assert_eq!(pair.grade, Some(Letter::C));
        assert!(pair.sentence.contains("different environments (cpu_model_name"), "{}", pair.sentence);
    }
}
