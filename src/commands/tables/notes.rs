//! What is said of cells beside their figures: each reason once below the tables, with a mark beside the grades it is about.
//!
//! Reasons that differ in numbers alone are one, with the range of each number.

use std::collections::{BTreeSet, HashMap, HashSet};

use ipcmark_harness::record::{Cell, sanitize};
use ipcmark_report::remarks::remarks;

use crate::commands::grades;

/// What marks a reason; further ones share the last.
const MARKS: &str = "abcdefghijklmnopqrstuvwxyzαβγδεζηθικλμνξοπρστυφχψω*";
/// What a grade says of the width of its interval, which stands beside it.
const OF_WIDTH: &str = "the interval is ±";

/// Of a grade for launches of two kinds: which two values there are is the same said again.
const OF_GROUPS: &str = "launches fall into two groups";
const BY_PROCESS: &str = ", by process";
/// So many cells and more are most.
const FEWEST_OF_MOST: usize = 5;

/// Reasons in the order of their first appearance.
#[derive(Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
    /// The place of each form.
    forms: HashMap<String, usize>,
    /// Of each cell, by its address, the places of its reasons.
    places: HashMap<*const Cell, BTreeSet<usize>>,
}

struct Note {
    /// The text with a gap for each number.
    form: String,
    /// Of each number the least and the greatest, with their texts.
    ranges: Vec<[Number; 2]>,
}

/// A number in a text, with its unit if that is one of time.
#[derive(Clone, Debug, PartialEq)]
struct Number {
    text: String,
    value: f64,
}

impl Notes {
    /// Takes up a cell's reasons that not all cells have, and its remarks that no column and none of `told` has.
    pub(super) fn add(&mut self, cell: &Cell, common: &[&str], told: &HashSet<&str>) {
        let is_told = |reason: &String| !reason.starts_with("tail ") && !reason.contains(OF_WIDTH);
        let own = grades::own_reasons(cell, common).filter(is_told);
        let reasons: Vec<String> = own.map(|reason| without_letter(&reason).to_owned()).collect();
        let has_groups = reasons.iter().any(|reason| reason.contains(OF_GROUPS));
        let value = cell.id.rsplit('/').next().unwrap_or_default();
        let has_net = told.contains(format!("{}, {}, {value}", cell.workload, cell.mechanism).as_str());
        let is_new = |remark: &String| {
            let is_column = remark.starts_with("fairness ") || remark.starts_with("longest wait ");
            !(is_column || has_groups && remark.ends_with(BY_PROCESS) || has_net && remark.starts_with("net "))
        };
        let remarks = remarks(cell).into_iter().filter(is_new).map(|remark| sanitize(&remark));
        let noted = cell.notes.iter().map(|note| sanitize(note));
        let texts: Vec<String> = reasons.into_iter().chain(remarks).chain(noted).collect();
        let places = texts.iter().map(|text| self.place(text)).collect();
        self.places.insert(std::ptr::from_ref(cell), places);
    }

    /// The marks of each cell, by its address. What most cells have is no mark: it would be beside every grade.
    pub(super) fn marks(&self) -> HashMap<*const Cell, String> {
        let letters = self.letters();
        let of_cell = |places: &BTreeSet<usize>| {
            let marks: BTreeSet<char> = places.iter().filter_map(|place| letters[*place]).collect();
            marks.into_iter().collect()
        };
        self.places.iter().map(|(cell, places)| (*cell, of_cell(places))).collect()
    }

    /// Of each note; none where most cells have it.
    fn letters(&self) -> Vec<Option<char>> {
        let mut marks = MARKS.chars().chain(std::iter::repeat('*'));
        let mut counts = vec![0; self.notes.len()];
        self.places.values().flatten().for_each(|place| counts[*place] += 1);
        let is_of_most = |count: usize| count >= FEWEST_OF_MOST && count * 2 > self.places.len();
        counts.into_iter().map(|count| if is_of_most(count) { None } else { marks.next() }).collect()
    }

    fn place(&mut self, text: &str) -> usize {
        let (form, numbers) = split(text);
        let next = self.notes.len();
        let place = *self.forms.entry(form.clone()).or_insert(next);
        if place < next {
            self.notes[place].widen(&numbers);
            return place;
        }
        self.notes.push(Note { form, ranges: numbers.into_iter().map(|number| [number.clone(), number]).collect() });
        next
    }

    /// `a: 1 – 3 of 6 launches reached no steady state`.
    pub(super) fn lines(&self) -> Vec<String> {
        let letters = self.letters();
        let line = |(note, letter): (&Note, Option<char>)| match letter {
            Some(letter) => format!("{letter}: {}", note.text()),
            None => format!("most cells: {}", note.text()),
        };
        self.notes.iter().zip(letters).map(line).collect()
    }
}

/// `launches drift` of `C: launches drift`: the letter is beside the mark, or a better one does not decide.
fn without_letter(reason: &str) -> &str {
    match reason.split_once(": ") {
        Some(("A" | "B" | "C" | "D", reason)) => reason,
        _ => reason,
    }
}

/// Stands for a number in a form.
const GAP: char = '\u{1}';

impl Note {
    fn widen(&mut self, numbers: &[Number]) {
        for (range, number) in self.ranges.iter_mut().zip(numbers) {
            if number.value < range[0].value {
                range[0] = number.clone();
            }
            if number.value > range[1].value {
                range[1] = number.clone();
            }
        }
    }

    fn text(&self) -> String {
        let mut ranges = self.ranges.iter();
        let mut text = String::new();
        for character in self.form.chars() {
            match (character, ranges.clone().next()) {
                (GAP, Some([least, greatest])) => {
                    ranges.next();
                    text += &least.text;
                    if least.text != greatest.text {
                        text += &format!(" – {}", greatest.text);
                    }
                }
                _ => text.push(character),
            }
        }
        text
    }
}

/// The units of times, in nanoseconds.
const UNITS: [(&str, f64); 4] = [(" ns", 1.0), (" µs", 1e3), (" ms", 1e6), (" s", 1e9)];

/// A text with gaps, and the numbers in them. Digits in a word are no number.
fn split(text: &str) -> (String, Vec<Number>) {
    let (mut form, mut numbers) = (String::new(), Vec::new());
    let mut rest = text;
    let mut before = ' ';
    while let Some(character) = rest.chars().next() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let plain = rest[..digits].trim_end_matches('.');
        let after = rest[plain.len()..].chars().next().unwrap_or(' ');
        let is_apart = !before.is_alphanumeric() && !after.is_alphanumeric() && before != '.';
        if character.is_ascii_digit() && is_apart {
            let number = with_unit(plain, &rest[plain.len()..]);
            rest = &rest[number.text.len()..];
            before = '0';
            numbers.push(number);
            form.push(GAP);
            continue;
        }
        form.push(character);
        before = character;
        rest = &rest[character.len_utf8()..];
    }
    (form, numbers)
}

fn with_unit(plain: &str, rest: &str) -> Number {
    let is_whole = |unit: &str| !rest[unit.len()..].chars().next().is_some_and(char::is_alphanumeric);
    let unit = UNITS.iter().find(|(unit, _)| rest.starts_with(unit) && is_whole(unit));
    let (unit, scale) = unit.copied().unwrap_or(("", 1.0));
    Number { text: format!("{plain}{unit}"), value: plain.parse::<f64>().unwrap_or(0.0) * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_numbers_are_one_with_their_range() {
        let mut notes = Notes::default();
        let places = [
            "781 ns or 1.81 µs, by process",
            "1.78 µs or 3.09 µs, by process",
            "1 of 6 launches reached no steady state",
            "64B-2parties has none",
            "256B-2parties has none",
        ]
        .map(|text| notes.place(text));
        assert_eq!(places, [0, 0, 1, 2, 3]);
        assert_eq!(
            notes.lines(),
            [
                "a: 781 ns – 1.78 µs or 1.81 µs – 3.09 µs, by process",
                "b: 1 of 6 launches reached no steady state",
                "c: 64B-2parties has none",
                "d: 256B-2parties has none"
            ]
        );
    }

    #[test]
    fn any_text_is_told_as_it_is_while_it_is_alone() {
        for text in ["", "1", ".5.", "a 1.2.3 b", "5 s.", "−3 µs (1 – 2 ns)", "9 sec 1e9", "µ1 2µ"] {
            let mut notes = Notes::default();
            notes.place(text);
            assert_eq!(notes.lines(), [format!("a: {text}")]);
        }
    }

    #[test]
    fn a_letter_before_a_reason_is_not_repeated() {
        assert_eq!(without_letter("C: launches drift"), "launches drift");
        assert_eq!(without_letter("CPU: 3"), "CPU: 3");
    }
}
