//! The names that filters may be about: those of the registry, or those in a record.

use std::collections::HashSet;
use std::fmt;

use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Placement;

use super::{Facets, KINDS, Kind, parameters};
use crate::cell::peer_name;
use crate::mechanism::{Mechanism, Waiting};
use crate::{mechanisms, plan};

/// Names by their kinds, in the order in which words are looked for.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    names: Vec<(Kind, String)>,
    /// The names are those of a record.
    is_of_record: bool,
}

impl Vocabulary {
    /// Each name once, by kind.
    pub fn new(mut names: Vec<(Kind, String)>) -> Vocabulary {
        names.sort();
        names.dedup();
        Vocabulary { names, is_of_record: false }
    }

    /// The same, of a record: advice is about it.
    #[must_use]
    pub fn of_a_record(self) -> Vocabulary {
        Vocabulary { is_of_record: true, ..self }
    }

    /// The names in a cell.
    pub fn names_of(cell: &Facets<'_>) -> Vec<(Kind, String)> {
        KINDS.iter().filter_map(|(kind, _)| Some((*kind, cell.name(*kind)?.to_owned()))).collect()
    }

    /// Of everything that this program can measure.
    pub fn of_registry() -> Vocabulary {
        Vocabulary::new(registry_names().map(|(kind, name)| (kind, name.to_owned())).collect())
    }

    /// The filter for a name: with its kind where the name alone means another.
    pub fn filter_of(&self, kind: Kind, name: &str) -> String {
        match self.names.iter().find(|(_, known)| known == name) {
            Some((first, _)) if *first != kind => format!("{}={name}", kind.name()),
            _ => name.to_owned(),
        }
    }

    /// The names that a word is, or is in, and their kind; none: it may be a parameter. Fails where a kind is named that has no such
    /// name.
    pub(super) fn find(&self, text: &str) -> Result<Option<(Kind, Vec<String>)>, Unknown> {
        let named = text.split_once('=').and_then(|(kind, word)| {
            let kind = KINDS.iter().find(|(_, name)| *name == kind)?.0;
            Some((kind, word))
        });
        if let Some((kind, word)) = named {
            let names = self.names_with(kind, word);
            return if names.is_empty() { Err(Unknown::of_kind(kind, word, self)) } else { Ok(Some((kind, names))) };
        }
        if let Some((kind, name)) = self.names.iter().find(|(_, name)| name == text) {
            return Ok(Some((*kind, vec![name.clone()])));
        }
        if parameters::kind_of(text).is_some() {
            return Ok(None);
        }
        let with_word = |(kind, _): &(Kind, &str)| (*kind, self.names_with(*kind, text));
        Ok(KINDS.iter().map(with_word).find(|(_, names)| !names.is_empty()))
    }

    /// The name itself, or else those that have the word.
    fn names_with(&self, kind: Kind, word: &str) -> Vec<String> {
        let names = || self.names.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name);
        match names().find(|name| *name == word) {
            Some(name) => vec![name.clone()],
            None => names().filter(|name| has_words(name, word)).cloned().collect(),
        }
    }

    fn advice(&self, near: Vec<String>) -> String {
        let list = if self.is_of_record {
            "`ipcmark show RECORD` shows what it has"
        } else {
            "`ipcmark list` shows what there is"
        };
        question(near) + list
    }

    /// The names that resemble the word most, the nearest first.
    fn near(&self, word: &str) -> Vec<&str> {
        let word = word.to_ascii_lowercase();
        let allowed = (word.chars().count() / 3).max(1);
        let distance = |name: &str| {
            let whole = 2 * strsim::damerau_levenshtein(&word, name);
            let within = name.split('-').map(|part| 2 * strsim::damerau_levenshtein(&word, part) + 1).min();
            let starts = if word.len() > 2 && (name.starts_with(&word) || word.starts_with(name)) { 2 } else { whole };
            whole.min(within.unwrap_or(whole)).min(starts)
        };
        let mut near: Vec<(usize, &str)> = self.names.iter().map(|(_, name)| (distance(name), name.as_str())).collect();
        near.retain(|(distance, _)| *distance <= 2 * allowed + 1);
        near.sort_unstable();
        near.dedup();
        near.into_iter().map(|(_, name)| name).take(MOST_NEAR).collect()
    }
}

/// The names of everything that this program can measure, some of them more than once.
fn registry_names() -> impl Iterator<Item = (Kind, &'static str)> {
    let workloads = plan::workload_names().into_iter().map(|name| (Kind::Workload, name));
    let peers = PeerKind::ALL.into_iter().map(|peer| (Kind::Peer, peer_name(peer)));
    let placements = Placement::ALL.into_iter().map(|placement| (Kind::Placement, placement.name()));
    let waitings = Waiting::ALL.into_iter().map(|waiting| (Kind::Waiting, waiting.name()));
    let named =
        |mechanism: &'static Mechanism| [(Kind::Mechanism, mechanism.name), (Kind::Family, mechanism.family.name())];
    workloads.chain(peers).chain(placements).chain(waitings).chain(mechanisms::all().flat_map(named))
}

/// Every word that a shell may complete, each once, and what it names: the names of the registry, and an example of each parameter.
pub fn words() -> Vec<(&'static str, &'static str)> {
    let names = registry_names().map(|(kind, name)| (name, kind.name()));
    let parameters = parameters::PARAMETERS.iter().map(|parameter| (parameter.example, parameter.name));
    let mut seen = HashSet::new();
    names.chain(parameters).filter(|(word, _)| seen.insert(*word)).collect()
}

/// At most this many near misses are named.
const MOST_NEAR: usize = 4;
/// Longer words resemble nothing, and comparing them takes the product of their lengths.
const LONGEST: usize = 80;

/// Whether words, with hyphens between them, stand beside each other in the name.
fn has_words(name: &str, words: &str) -> bool {
    !words.is_empty() && format!("-{name}-").contains(&format!("-{words}-"))
}

/// A word that names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(String);

impl Unknown {
    pub(super) fn new(word: &str, vocabulary: &Vocabulary) -> Unknown {
        let near = parameters::respelt(word).map(|size| vec![size]).unwrap_or_else(|| nearest(word, vocabulary));
        Unknown(format!("the filter `{word}` matches no cell: it is {NAMES}; {}", vocabulary.advice(near)))
    }

    fn of_kind(kind: Kind, word: &str, vocabulary: &Vocabulary) -> Unknown {
        let of_kind = vocabulary.names.iter().filter(|(of, _)| *of == kind).cloned().collect();
        let name = kind.name();
        let near = nearest(word, &Vocabulary::new(of_kind)).into_iter().map(|near| format!("{name}={near}")).collect();
        Unknown(format!("there is no {name} `{word}`; {}", vocabulary.advice(near)))
    }
}

const NAMES: &str =
    "no name of a workload, peer, placement, waiting, mechanism or family, no word of one, and no parameter";

fn nearest(word: &str, vocabulary: &Vocabulary) -> Vec<String> {
    if word.len() > LONGEST { Vec::new() } else { vocabulary.near(word).into_iter().map(str::to_owned).collect() }
}

/// `did you mean `a` or `b`? `; nothing where nothing is near.
pub(crate) fn question(near: Vec<String>) -> String {
    let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unknown {}
