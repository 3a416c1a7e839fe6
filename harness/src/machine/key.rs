//! A key: what a fact is called, what it means, where it stands, and how it is read.
//!
//! Each file of this module holds a list of keys; `mod.rs` joins them. A fact exists only by its key, so the list of
//! keys is also the whole documentation of what a record says about a machine.

use super::{Fact, Root};
use serde::Serialize;
use serde_json::{Value, json};

/// What reading a fact gives: its value, or why there is none.
pub(super) type Reading = Result<Value, String>;

/// When a fact is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the machine is and how it is set up, limits of this process included: read once for a record.
    Machine,
    /// What changes by itself between runs or during one: read before and after.
    Conditions,
}

/// One entry of the registry of facts.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The fact's name in a record; ends in its unit where it has one.
    pub name: &'static str,
    /// One line on what it means, with what matters about it for inter-process communication.
    pub meaning: &'static str,
    /// The file it is read from; where there are several, `*` stands for the varying part.
    pub source: &'static str,
    /// Whether it describes the machine or the conditions.
    pub kind: Kind,
    /// Whether two machines that differ in it are different machines: it enters the fingerprint.
    pub identity: bool,
    how: How,
}

/// How the text of a source becomes a value.
#[derive(Clone, Copy, Debug)]
enum How {
    /// The whole file is one number; some, as `sched_rt_runtime_us`, may be negative.
    Number,
    /// The whole file is one number that is 0 or 1.
    Switch,
    /// The whole file is text.
    Text,
    /// The file is words, and the value an array of them; words that are numbers become numbers.
    Words,
    /// The file is the possible choices, the one in force between square brackets.
    Choice,
    /// Anything else.
    By(fn(&Root) -> Reading),
}

impl Key {
    /// Reads this fact; never fails, as the reason of a missing fact is a fact too.
    pub fn read(&self, root: &Root) -> Fact {
        let reading = match self.how {
            How::By(read) => read(root),
            _ => root.read(self.source).and_then(|text| self.parse(&text)),
        };
        Fact::from_reading(self.source, reading)
    }

    fn parse(&self, text: &str) -> Reading {
        let unexpected = |wanted: &str| format!("{} holds `{text}`, expected {wanted}", self.source);
        match self.how {
            How::Number => number(text).ok_or_else(|| unexpected("a number")),
            How::Switch => match text {
                "0" | "N" => Ok(json!(false)),
                "1" | "Y" => Ok(json!(true)),
                _ => Err(unexpected("0 or 1")),
            },
            How::Words => Ok(text.split_whitespace().map(|word| number(word).unwrap_or_else(|| json!(word))).collect()),
            How::Choice => chosen(text, '[', ']').map(|word| json!(word)).ok_or_else(|| unexpected("a `[choice]`")),
            How::Text | How::By(_) => Ok(json!(text)),
        }
    }

    const fn new(name: &'static str, source: &'static str, meaning: &'static str, how: How) -> Self {
        Self { name, meaning, source, kind: Kind::Machine, identity: false, how }
    }

    pub(super) const fn number(name: &'static str, source: &'static str, meaning: &'static str) -> Self {
        Self::new(name, source, meaning, How::Number)
    }

    pub(super) const fn switch(name: &'static str, source: &'static str, meaning: &'static str) -> Self {
        Self::new(name, source, meaning, How::Switch)
    }

    pub(super) const fn text(name: &'static str, source: &'static str, meaning: &'static str) -> Self {
        Self::new(name, source, meaning, How::Text)
    }

    pub(super) const fn words(name: &'static str, source: &'static str, meaning: &'static str) -> Self {
        Self::new(name, source, meaning, How::Words)
    }

    pub(super) const fn choice(name: &'static str, source: &'static str, meaning: &'static str) -> Self {
        Self::new(name, source, meaning, How::Choice)
    }

    pub(super) const fn by(
        name: &'static str,
        source: &'static str,
        meaning: &'static str,
        read: fn(&Root) -> Reading,
    ) -> Self {
        Self::new(name, source, meaning, How::By(read))
    }

    /// Marks the key as part of the fingerprint.
    pub(super) const fn identifying(mut self) -> Self {
        self.identity = true;
        self
    }

    /// Marks the key as one of the conditions.
    pub(super) const fn varying(mut self) -> Self {
        self.kind = Kind::Conditions;
        self
    }
}

/// A whole number as JSON; unsigned first, as `shmmax` exceeds an `i64`.
fn number(text: &str) -> Option<Value> {
    let unsigned = text.parse::<u64>().map(Value::from);
    unsigned.or_else(|_| text.parse::<i64>().map(Value::from)).ok()
}

/// The word between `open` and `close`: the kernel's way to show the choice in force among all.
pub(super) fn chosen(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(key: Key, text: &str) -> Reading {
        key.parse(text)
    }

    #[test]
    fn numbers_may_be_negative_or_exceed_63_bits() {
        let key = Key::number("n", "/n", "");
        assert_eq!(parsed(key, "-1"), Ok(json!(-1)));
        assert_eq!(parsed(key, "18446744073692774399"), Ok(json!(18446744073692774399_u64)));
        assert_eq!(parsed(key, "many"), Err("/n holds `many`, expected a number".into()));
    }

    #[test]
    fn a_switch_is_a_boolean() {
        let key = Key::switch("s", "/s", "");
        assert_eq!((parsed(key, "0"), parsed(key, "1")), (Ok(json!(false)), Ok(json!(true))));
        assert!(parsed(key, "2").is_err());
    }

    #[test]
    fn words_become_numbers_where_they_are() {
        assert_eq!(parsed(Key::words("w", "/w", ""), "4096\t131072  tsc"), Ok(json!([4096, 131072, "tsc"])));
    }

    #[test]
    fn the_choice_in_brackets_is_taken() {
        let key = Key::choice("c", "/c", "");
        assert_eq!(parsed(key, "always [madvise] never"), Ok(json!("madvise")));
        assert!(parsed(key, "always").is_err());
    }
}
