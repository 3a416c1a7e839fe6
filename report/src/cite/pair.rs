//! The ratio of two cells in one sentence.
//!
//! Of one record: the ratio's own interval and grade ([`PairedRatio`]), which may be better than either number's. Of two records: what
//! `compare` says of that cell, so that there is one interval for one pair; a cell against another cell of another record has the
//! interval of the launches alone.

use ipcmark_harness::grade::Letter;
use ipcmark_harness::record::{Cell, sanitize};
use serde::Serialize;

use super::sentence::{Part, Style, level, on, why, written};
use super::{Citation, Refusal, citable, cite, measured};
use crate::compare::environment::distance;
use crate::compare::ratio::Ranks;
use crate::compare::{Options, Ratio, compare};
use crate::load::Source;
use crate::paired::PairedRatio;
use crate::words::{Figures, count};

/// Two numbers and their ratio.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// What the other is set against.
    pub base: Citation,
    /// The other.
    pub other: Citation,
    /// How many times as long the other takes.
    pub ratio: f64,
    /// Its interval; none where there are too few launches.
    pub ratio_interval: Option<[f64; 2]>,
    /// Coverage of the interval, as a share.
    pub ratio_level: Option<f64>,
    /// Launches of one record that are paired by round; none: of two records, or of one without rounds.
    pub pairs: Option<usize>,
    /// Of one record the ratio's own grade; of two the worse of both, none where one was not graded.
    pub grade: Option<Letter>,
    /// What keeps the ratio's own grade from an A.
    pub grade_reasons: Vec<String>,
    /// What sets their environments apart; empty: they are of one.
    pub apart_by: Vec<String>,
    /// All of it in one sentence.
    pub sentence: String,
    /// What the interval spans, in the sentence's words.
    #[serde(skip)]
    spans: &'static str,
}

impl Pair {
    pub(super) fn parts(&self) -> Vec<Part> {
        sentence(self, self.spans)
    }
}

/// The ratio and how it is known.
struct Found {
    ratio: f64,
    interval: Option<[f64; 2]>,
    level: Option<f64>,
    pairs: Option<usize>,
    grade: Option<Letter>,
    reasons: Vec<String>,
    spans: &'static str,
}

/// The citation of `other` against `base`, which may be of one record; `anyway`: also where it is not to be cited.
///
/// # Errors
/// If one of the two is not there, they have no ratio, or it is not to be cited.
pub fn pair(base: (&Source, &str), other: (&Source, &str), anyway: bool) -> Result<Pair, Refusal> {
    let (one, two) = (cite(base.0, base.1, true)?, cite(other.0, other.1, true)?);
    let one_record = base.0.digest == other.0.digest;
    let found = if one_record { within(base, other, anyway)? } else { between(base, other, anyway)? };
    let mut pair = Pair {
        ratio: found.ratio,
        ratio_interval: found.interval,
        ratio_level: found.level,
        pairs: found.pairs,
        grade: found.grade,
        grade_reasons: found.reasons,
        apart_by: if one_record { Vec::new() } else { distance(base.0, other.0) },
        base: one,
        other: two,
        sentence: String::new(),
        spans: "",
    };
    (pair.sentence, pair.spans) = (written(&sentence(&pair, found.spans), Style::Plain), found.spans);
    Ok(pair)
}

/// Of one record.
fn within(base: (&Source, &str), other: (&Source, &str), anyway: bool) -> Result<Found, Refusal> {
    let (one, two) = (measured(base.0, base.1)?, measured(other.0, other.1)?);
    let ratio = PairedRatio::of(&base.0.record, one, two).ok_or_else(|| no_ratio(base.1, other.1))?;
    let PairedRatio { value, interval, level, pairs, grade, .. } = ratio;
    if grade.letter == Letter::D && !anyway {
        return Err(Refusal::NotCitable(format!(
            "the ratio of {} and {} is of grade D, not to be cited: {}; --anyway cites it with its grade",
            sanitize(other.1),
            sanitize(base.1),
            sanitize(&grade.reasons.join("; "))
        )));
    }
    let spans = if pairs.is_some() { " of launches of one round" } else { "" };
    Ok(Found { ratio: value, interval, level, pairs, grade: Some(grade.letter), reasons: grade.reasons, spans })
}

/// Of two records.
fn between(base: (&Source, &str), other: (&Source, &str), anyway: bool) -> Result<Found, Refusal> {
    let (one, two) = (measured(base.0, base.1)?, measured(other.0, other.1)?);
    if !anyway {
        citable(one)?;
        citable(two)?;
    }
    let compared = compared(base, other);
    let spans = if compared.is_some() { ", as ipcmark compare finds" } else { ", not of what two runs differ by" };
    let ratio = compared.or_else(|| of_launches(one, two)).ok_or_else(|| no_ratio(base.1, other.1))?;
    let letter = |cell: &Cell| cell.grade.as_ref().map(|grade| grade.letter);
    // A is the least letter.
    let grade = letter(one).zip(letter(two)).map(|(one, two)| one.max(two));
    let level = ratio.interval.map(|_| ipcmark_harness::estimate::LEVEL);
    Ok(Found { ratio: ratio.value, interval: ratio.interval, level, pairs: None, grade, reasons: Vec::new(), spans })
}

/// What `compare` says of a cell; none of two different ones.
fn compared(base: (&Source, &str), other: (&Source, &str)) -> Option<Ratio> {
    let comparison = compare(&[base.0, other.0], &Options::default()).ok()?;
    let ratio = |row: &crate::compare::Row| {
        let [Some(one), Some(two)] = row.values.as_slice() else { return None };
        (one.id == base.1 && two.id == other.1).then_some(two.ratio)?
    };
    comparison.rows.iter().find_map(ratio)
}

fn of_launches(base: &Cell, other: &Cell) -> Option<Ratio> {
    let launches = |cell: &Cell| -> Vec<f64> { cell.per_launch.iter().map(|launch| launch.estimate_ns).collect() };
    let plain = || {
        let value = other.estimate_ns? / base.estimate_ns?;
        (value.is_finite() && value > 0.0).then_some(Ratio { value, interval: None })
    };
    Ranks::default().ratio(&launches(base), &launches(other)).or_else(plain)
}

fn no_ratio(base: &str, other: &str) -> Refusal {
    Refusal::NotCitable(format!("{} and {} have no ratio: a time is zero", sanitize(base), sanitize(other)))
}

fn sentence(pair: &Pair, spans: &str) -> Vec<Part> {
    let Pair { base, other, .. } = pair;
    let figures = Figures::plain(pair.ratio, pair.ratio_interval);
    let launches = match pair.pairs {
        Some(pairs) => count(pairs, "pair"),
        None => format!("{} and {}", base.launches, count(other.launches as usize, "launch")),
    };
    let interval = match &figures.interval {
        Some([low, high]) => {
            format!(" ({}interval {low} – {high} across {launches}{spans})", level(pair.ratio_level))
        }
        None => " (no interval: fewer than four launches of each)".into(),
    };
    let time = |citation: &Citation| {
        let said = Figures::new(citation.estimate_ns, citation.interval_ns);
        format!("{} {} {}", said.value, said.unit, citation.estimate_of)
    };
    let before = format!(
        "{} takes {} times as long as {}{interval}: {} against {}; {}; {}; repeat with ",
        named(other),
        figures.value,
        named(base),
        time(other),
        time(base),
        grade(pair),
        place(pair),
    );
    let mut parts = vec![Part::Words(before), Part::Code(other.repeat.clone())];
    if base.repeat != other.repeat {
        parts.extend([Part::Words(" and ".into()), Part::Code(base.repeat.clone())]);
    }
    parts.push(Part::Words(".".into()));
    parts
}

fn named(citation: &Citation) -> String {
    match citation.conditions.as_str() {
        "" => format!("{}, {}", citation.workload, citation.mechanism),
        conditions => format!("{}, {} ({conditions})", citation.mechanism, citation.workload),
    }
}

/// Of one record the ratio's own, with those of the numbers beside it.
fn grade(pair: &Pair) -> String {
    let said =
        |letter: Option<Letter>| letter.map_or_else(|| "not graded".into(), |letter| format!("of grade {letter}"));
    match pair.grade {
        Some(letter) if is_of_one_record(pair) => {
            let warning = if letter == Letter::D { ", not to be cited" } else { "" };
            let numbers = format!("the numbers are {} and {}", said(pair.other.grade), said(pair.base.grade));
            format!("grade of the ratio {letter}{warning}{}, {numbers}", why(&pair.grade_reasons))
        }
        Some(letter) => format!("grade {letter}, the worse of both"),
        None => "not graded".into(),
    }
}

fn is_of_one_record(pair: &Pair) -> bool {
    pair.base.record_sha256 == pair.other.record_sha256
}

/// Where both were measured.
fn place(pair: &Pair) -> String {
    let Pair { base, other, apart_by, .. } = pair;
    let place = |citation: &Citation| {
        let date = on(&citation.started_utc);
        let Citation { system, suite, revision, .. } = citation;
        format!("on {system}, {date} with ipcmark {suite} at {revision}, record SHA-256 {}", citation.record_sha256)
    };
    match (is_of_one_record(pair), apart_by.is_empty()) {
        (true, _) => format!("both measured {}", place(base)),
        (_, true) => format!("measured {}, and {}", place(other), place(base)),
        (_, false) => format!(
            "measured in different environments ({}), so that the ratio is not the programs' alone: {}, and {}",
            apart_by.join(", "),
            place(other),
            place(base)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ID, graded};
    use super::*;
    use crate::compare::testing::source;
    use crate::made_up::Run;

    const OTHER: &str = "stream/process/same-cpu/block/pipe/64B";

    #[test]
    fn two_cells_of_one_record_are_set_against_each_other_by_the_ratios_own_grade() {
        // Neither number is to be cited; their ratio is.
        let source = graded(Letter::D);
        let pair = pair((&source, ID), (&source, OTHER), false).unwrap();
        assert!((pair.ratio - 0.4).abs() < 0.05 && pair.ratio_interval.is_some());
        let cell = |id| source.record.cell(id).unwrap();
        let own = PairedRatio::of(&source.record.header, cell(ID), cell(OTHER)).unwrap();
        assert_eq!((pair.ratio, pair.ratio_interval, pair.grade), (own.value, own.interval, Some(own.grade.letter)));
        assert!(own.grade.letter <= Letter::B && pair.pairs == Some(10), "{own:?}");
        let opening = "pipe, stream (process, same-cpu, block, 64B) takes 0.";
        assert!(pair.sentence.starts_with(opening) && pair.sentence.contains("both measured on"), "{}", pair.sentence);
        for said in [
            "across 10 pairs of launches of one round",
            "grade of the ratio ",
            "the numbers are of grade D and of grade D",
        ] {
            assert!(pair.sentence.contains(said), "{said} is not in {}", pair.sentence);
        }
    }

    #[test]
    fn a_ratio_of_grade_d_is_refused_whatever_its_numbers_are() {
        let mut source = graded(Letter::A);
        source.record.cells[1].verification = None;
        let refusal = pair((&source, ID), (&source, OTHER), false).unwrap_err().to_string();
        assert!(refusal.contains("grade D, not to be cited: D: ") && refusal.contains("not verified"), "{refusal}");
        let said = pair((&source, ID), (&source, OTHER), true).unwrap().sentence;
        assert!(said.contains("grade of the ratio D, not to be cited"), "{said}");
    }

    #[test]
    fn a_cell_in_two_records_has_the_interval_that_compare_gives() {
        let runs = [Run { cells: 40, ..Run::default() }, Run { cells: 40, seed: 1, pipe_times: 1.2, ..Run::default() }];
        let [a, mut b] = runs.map(source);
        b.digest = "1".repeat(64);
        let comparison = compare(&[&a, &b], &Options::default()).unwrap();
        let row =
            comparison.rows.iter().find(|row| row.values[0].as_ref().is_some_and(|entry| entry.id == ID)).unwrap();
        let wanted = row.values[1].as_ref().unwrap().ratio.unwrap();
        let found = pair((&a, ID), (&b, ID), true).unwrap();
        assert_eq!((found.ratio, found.ratio_interval), (wanted.value, wanted.interval));
        assert!(found.sentence.contains("as ipcmark compare finds"), "{}", found.sentence);
        // No row of a comparison holds two cells.
        let found = pair((&a, ID), (&b, OTHER), true).unwrap();
        assert!(found.sentence.contains("not of what two runs differ by"), "{}", found.sentence);
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
