//! What a line takes in memory, found before it is parsed; and the budget of a whole record, which follows from its length.
//!
//! A text of 8 bytes, `{"":0},`, is some 700 bytes once it is parsed into free-form JSON. So each line is weighed by a pass that keeps
//! nothing, and left out where the record would take more than [`MEMORY_PER_BYTE`] times its length and [`MEMORY_BASE`]. Records that
//! this program writes are weighed at 3 to 7 times their length. No list has more than [`MAX_ITEMS`] entries.

use std::mem::take;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::limits::{MAX_CELLS, MAX_ITEMS, MAX_STRING_BYTES, check_length, check_magnitude};
use crate::histogram::MAX_TEXT_BYTES;

/// What a record may take in memory for each byte of its file.
pub const MEMORY_PER_BYTE: u64 = 12;
/// What any record may take in memory, in bytes.
pub const MEMORY_BASE: u64 = 64 << 20;

/// Names whose values are parsed into B-trees or free-form JSON, wherever they stand; a test holds the list against the schema. What
/// stands under other names is parsed into types of a known size, or ignored.
const FREE_FORM: [&str; 8] = ["build", "clock", "conditions", "facts", "machine", "probes", "setup", "tags"];

/// What the allocator adds to a string that is not empty.
const STRING: u64 = 32;

/// What the parts of JSON take, in bytes.
struct Rates {
    /// An object without members.
    object: u64,
    /// The first member, beyond what each takes.
    first_member: u64,
    member: u64,
    /// The first item of an array, beyond what each takes: arrays begin with room for four.
    first_item: u64,
    item: u64,
}

/// Types of this crate, which are as large as their JSON has members, about; all of `Usage`'s and `Scheduling`'s may be missing.
const TYPED: Rates = Rates { object: 80, first_member: 0, member: 48, first_item: 96, item: 24 };
/// `serde_json::Value`, 32 bytes. The nodes of its B-trees have room for 11 members, and are half full at least.
const FREE: Rates = Rates { object: 0, first_member: 528, member: 112, first_item: 128, item: 40 };

/// What has been read and taken so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Budget {
    read: u64,
    taken: u64,
}

impl Budget {
    /// Counts bytes of the file, which may be of a line that is left out.
    pub(super) fn read(&mut self, bytes: usize) {
        self.read += bytes as u64;
    }

    /// Takes so many bytes of memory, or says why not.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), String> {
        let allowed = self.read * MEMORY_PER_BYTE + MEMORY_BASE;
        if self.taken + bytes > allowed {
            let [needed, allowed] = [self.taken + bytes, allowed].map(|bytes| bytes.div_ceil(1 << 20));
            return Err(format!(
                "with it the record would take {needed} MiB of memory; by its length up to here it may take {allowed} MiB"
            ));
        }
        self.taken += bytes;
        Ok(())
    }

    /// Gives back what a line took that a later one replaces.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.taken -= bytes;
    }
}

/// Why a line has no weight.
pub(super) enum Unfit {
    /// It is no JSON.
    NotJson(serde_json::Error),
    /// It has a string or a number that no record has.
    Refused(String),
}

/// What this JSON takes in memory once it is parsed, in bytes: an upper bound, whichever of our types it is parsed into. Strings that are
/// too long and numbers that are too large are found, at any depth, in names as well as in values.
pub(super) fn weigh(line: &[u8]) -> Result<u64, Unfit> {
    let mut scales = Scales::default();
    let mut json = serde_json::Deserializer::from_slice(line);
    let weighed =
        Weigh { scales: &mut scales, allowed: Allowed::ANYWHERE }.deserialize(&mut json).and_then(|()| json.end());
    match (weighed, scales.refused) {
        (_, Some(reason)) => Err(Unfit::Refused(reason)),
        (Err(error), None) => Err(Unfit::NotJson(error)),
        (Ok(()), None) => Ok(scales.bytes),
    }
}

#[derive(Default)]
struct Scales {
    bytes: u64,
    refused: Option<String>,
}

impl Scales {
    fn check<T, E: Error>(&mut self, checked: Result<T, String>) -> Result<T, E> {
        checked.map_err(|reason| {
            let error = E::custom(&reason);
            self.refused = Some(reason);
            error
        })
    }

    fn text<E: Error>(&mut self, text: &str, most: usize) -> Result<(), E> {
        self.check(check_length(text, most))?;
        self.bytes += if text.is_empty() { 0 } else { STRING + text.len() as u64 };
        Ok(())
    }
}

/// What a value may be, by its name.
#[derive(Clone, Copy)]
struct Allowed {
    is_free: bool,
    text_bytes: usize,
    items: usize,
}

impl Allowed {
    const ANYWHERE: Allowed = Allowed { is_free: false, text_bytes: MAX_STRING_BYTES, items: MAX_ITEMS };

    fn under(name: &str) -> Allowed {
        Allowed {
            is_free: FREE_FORM.contains(&name),
            text_bytes: if name == "histogram" { MAX_TEXT_BYTES } else { MAX_STRING_BYTES },
            items: if name == "cells" { MAX_CELLS } else { MAX_ITEMS },
        }
    }

    fn rates(self) -> Rates {
        if self.is_free { FREE } else { TYPED }
    }

    /// The count of items with one more.
    fn one_more(self, count: usize) -> Result<usize, String> {
        if count < self.items {
            return Ok(count + 1);
        }
        Err(format!("an array or object of more than {} entries; allowed are {}", self.items, self.items))
    }
}

/// Weighs one value.
struct Weigh<'a> {
    scales: &'a mut Scales,
    allowed: Allowed,
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scales.check(check_magnitude(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scales.text(text, self.allowed.text_bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let rates = self.allowed.rates();
        let of_item = Allowed { is_free: self.allowed.is_free, ..Allowed::ANYWHERE };
        let (mut count, mut first) = (0, rates.first_item);
        while items.next_element_seed(Weigh { scales: &mut *self.scales, allowed: of_item })?.is_some() {
            count = self.scales.check(self.allowed.one_more(count))?;
            self.scales.bytes += rates.item + take(&mut first);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let rates = self.allowed.rates();
        self.scales.bytes += rates.object;
        let (mut count, mut first) = (0, rates.first_member);
        while let Some(mut allowed) = members.next_key_seed(Name(&mut *self.scales))? {
            count = self.scales.check(self.allowed.one_more(count))?;
            self.scales.bytes += rates.member + take(&mut first);
            allowed.is_free |= self.allowed.is_free;
            members.next_value_seed(Weigh { scales: &mut *self.scales, allowed })?;
        }
        Ok(())
    }
}

/// Weighs a member's name.
struct Name<'a>(&'a mut Scales);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Allowed;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Allowed, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Allowed;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Allowed, E> {
        self.0.text(name, MAX_STRING_BYTES)?;
        Ok(Allowed::under(name))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn records(folder: &Path) -> Vec<PathBuf> {
        let paths = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        paths.flat_map(|path| if path.is_dir() { records(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn lines_that_were_measured_weigh_two_thirds_of_what_they_may_at_most() {
        let paths = records(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../results"));
        let paths: Vec<&PathBuf> = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
        assert!(!paths.is_empty());
        for path in paths {
            let text = std::fs::read_to_string(path).unwrap();
            // There is one header, and it may take what any record may.
            for line in text.lines().skip(1).step_by(20) {
                let Ok(weight) = weigh(line.as_bytes()) else { panic!("{line}") };
                let length = line.len() as u64;
                assert!(weight <= length * MEMORY_PER_BYTE * 2 / 3, "{weight} for {length} bytes: {}", &line[..80]);
            }
        }
    }
}
