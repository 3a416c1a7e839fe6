//! What was seen, in the words of the table.

use serde::{Deserialize, Serialize};

/// What was seen of one mechanism; none: the question makes no sense for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// One `recv` gives one message.
    pub boundaries: Option<bool>,
    /// Bytes of payload that it takes, in messages of 4 KiB (or its largest), before the sender has to wait.
    pub holds_bytes: Option<Holds>,
    /// A message can be taken after its writer was killed.
    pub outlives_writer: Option<bool>,
    /// One descriptor carries both directions.
    pub both_ways: Option<bool>,
    /// It carries file descriptors.
    pub carries_descriptors: Option<bool>,
    /// epoll(7) tells when something has come.
    pub epoll: Option<bool>,
    /// The largest message it takes whole, up to 1 MiB.
    pub largest: Option<Largest>,
    /// One end has an address by which the other found it.
    pub has_address: Option<bool>,
    /// That address is one that other hosts can reach.
    pub across_hosts: Option<bool>,
}

/// How much fits into a channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// So many bytes; then the sender waits.
    Bytes(u64),
    /// More than was tried.
    Unbounded,
}

/// How large a message may be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Largest {
    /// So many bytes.
    Bytes(usize),
    /// At least the 1 MiB that was tried.
    Any,
}

/// The table's columns after the mechanism's name.
pub const QUESTIONS: [&str; 9] = [
    "keeps boundaries",
    "holds before the sender waits",
    "message outlives a killed writer",
    "ends meet by",
    "one descriptor both ways",
    "carries descriptors",
    "epoll",
    "largest message",
    "across hosts",
];

impl Capabilities {
    /// The answers to [`QUESTIONS`]; a dash where the question makes no sense. `by_name`, `in_one_process`: how ends meet.
    pub fn answers(&self, by_name: bool, in_one_process: bool) -> [String; QUESTIONS.len()] {
        let word = |answer: Option<bool>| match answer {
            Some(true) => "yes".to_owned(),
            Some(false) => "no".to_owned(),
            None => "–".to_owned(),
        };
        let holds = self.holds_bytes.map_or_else(
            || "–".into(),
            |holds| match holds {
                Holds::Bytes(0) => "nothing".into(),
                Holds::Bytes(bytes) => amount(bytes),
                Holds::Unbounded => "any amount".into(),
            },
        );
        let largest = self.largest.map_or_else(
            || "–".into(),
            |largest| match largest {
                Largest::Bytes(bytes) => amount(bytes as u64),
                Largest::Any => "any".into(),
            },
        );
        let meet = match (by_name || self.has_address == Some(true), in_one_process) {
            (true, _) => "a name",
            (false, true) => "shared memory of the process",
            (false, false) => "kinship",
        };
        [
            word(self.boundaries),
            holds,
            word(self.outlives_writer),
            meet.into(),
            word(self.both_ways),
            word(self.carries_descriptors),
            word(self.epoll),
            largest,
            word(self.across_hosts),
        ]
    }
}

/// `64 KiB`, `65507 B`.
fn amount(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 10 && b.is_multiple_of(1 << 10) => format!("{} KiB", b >> 10),
        b => format!("{b} B"),
    }
}
