//! Registry × profile → cells, and which of them a user's filters mean.

use std::time::Duration;

use clap::ValueEnum;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::{Placement, Topology};
use ipcmark_harness::sampling::Effort;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::cell::Cell;
use crate::mechanism::{Mechanism, Setup, Waiting, Workload};
use crate::mechanisms::MECHANISMS;

/// How much is measured: which cells are on by default, and how long each takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The headline cells, within a minute on two CPUs.
    Quick,
    /// What one would publish: both kinds of peer, every placement, six message sizes.
    Standard,
    /// Every cell.
    Full,
}

impl Profile {
    /// As it is spelt on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Standard => "standard",
            Profile::Full => "full",
        }
    }

    /// Launches of each cell. Six is the fewest whose extremes cover the median with 95 % (1 − 2⁻⁵ = 0.969).
    pub fn launches(self) -> u32 {
        match self {
            Profile::Quick => 6,
            Profile::Standard | Profile::Full => 10,
        }
    }

    /// What each launch measures.
    pub fn effort(self) -> Effort {
        let ms = Duration::from_millis;
        match self {
            Profile::Quick => Effort { warm_up: ms(3), batch: ms(2), batches: 10, each: ms(15) },
            Profile::Standard | Profile::Full => Effort { warm_up: ms(5), batch: ms(2), batches: 25, each: ms(40) },
        }
    }

    fn has_size(self, workload: &Workload, payload_bytes: usize) -> bool {
        match self {
            Profile::Quick => workload.headline_bytes.contains(&payload_bytes),
            Profile::Standard => STANDARD_BYTES.contains(&payload_bytes),
            Profile::Full => true,
        }
    }

    fn has(self, setup: &Setup, apart: Placement) -> bool {
        let together = setup.placement == Placement::SameCpu;
        // Two parties that spin on one CPU wait for the scheduler's tick: milliseconds, and no secret.
        let futile = together && setup.waiting != Waiting::Block;
        match self {
            Profile::Quick => setup.peer == PeerKind::Process && !futile && (together || setup.placement == apart),
            Profile::Standard => !futile && setup.placement != Placement::Unpinned,
            Profile::Full => true,
        }
    }
}

/// Message sizes, each also a multiple or a part of something: 64 B a cache line, 4 KiB a page, 64 KiB a pipe.
const ALL_BYTES: [usize; 10] = [1, 8, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
const STANDARD_BYTES: [usize; 6] = [1, 64, 1 << 10, 4 << 10, 64 << 10, 1 << 20];

/// The cells of a profile on this machine, in report order; those that cannot run here among them.
pub fn cells(profile: Profile, topology: &Topology) -> Vec<Cell> {
    let apart = nearest_pair(topology);
    let mut cells = Vec::new();
    for name in workload_names() {
        for setup in setups().filter(|setup| profile.has(setup, apart)) {
            let cell = |mechanism: &'static Mechanism| {
                let workload = mechanism.workloads.iter().find(|workload| workload.name == name)?;
                let fits = workload.waitings.contains(&setup.waiting) && mechanism.reach.peers().contains(&setup.peer);
                let wanted = fits && profile.has_size(workload, setup.payload_bytes);
                wanted.then_some(Cell { mechanism, workload, setup })
            };
            cells.extend(MECHANISMS.iter().copied().filter_map(cell));
        }
    }
    cells
}

/// The closest pair of distinct cores; where there is none, the one that most machines have, to be skipped with its reason.
fn nearest_pair(topology: &Topology) -> Placement {
    let pairs = [Placement::SameCache, Placement::CrossCache, Placement::CrossNode, Placement::SmtSibling];
    pairs.into_iter().find(|&pair| topology.cpus(pair).is_ok()).unwrap_or(Placement::SameCache)
}

/// Each workload once, in the order of first appearance.
fn workload_names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for workload in MECHANISMS.iter().flat_map(|mechanism| mechanism.workloads) {
        if !names.contains(&workload.name) {
            names.push(workload.name);
        }
    }
    names
}

fn setups() -> impl Iterator<Item = Setup> {
    let peers = [PeerKind::Process, PeerKind::Thread];
    let waitings = [Waiting::Block, Waiting::Spin, Waiting::Adaptive];
    peers.into_iter().flat_map(move |peer| {
        Placement::ALL.into_iter().flat_map(move |placement| {
            waitings.into_iter().flat_map(move |waiting| {
                ALL_BYTES.map(|payload_bytes| Setup { peer, placement, waiting, payload_bytes, parties: 2 })
            })
        })
    })
}

/// The cells of `profile` that any of `filters` means; all of them without filters. A whole id is taken from every
/// profile. Fails with up to three near misses for the first filter that means nothing.
pub fn select(profile: Profile, filters: &[String], topology: &Topology) -> Result<Vec<Cell>, NoMatch> {
    let mut chosen = cells(profile, topology);
    if filters.is_empty() {
        return Ok(chosen);
    }
    let ids: Vec<String> = chosen.iter().map(Cell::id).collect();
    let beyond: Vec<Cell> = if profile == Profile::Full { Vec::new() } else { cells(Profile::Full, topology) };
    let whole = |cell: &&Cell| filters.contains(&cell.id()) && !ids.contains(&cell.id());
    let extra: Vec<Cell> = beyond.iter().filter(whole).copied().collect();
    chosen.extend(extra);
    if let Some(filter) = filters.iter().find(|filter| !chosen.iter().any(|cell| means(filter, &cell.id()))) {
        return Err(NoMatch::new(filter, profile, &ids, &beyond));
    }
    chosen.retain(|cell| filters.iter().any(|filter| means(filter, &cell.id())));
    Ok(chosen)
}

/// A filter with `*` or `?` is a glob over the whole id, any other a substring.
fn means(filter: &str, id: &str) -> bool {
    if filter.contains(['*', '?']) { WildMatch::new(filter).matches(id) } else { id.contains(filter) }
}

/// A filter that means no cell.
#[derive(Debug, PartialEq, Eq)]
pub struct NoMatch(String);

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoMatch {}

impl NoMatch {
    fn new(filter: &str, profile: Profile, ids: &[String], beyond: &[Cell]) -> NoMatch {
        let elsewhere = beyond.iter().filter(|cell| means(filter, &cell.id())).count();
        let advice = if elsewhere > 0 {
            format!("{elsewhere} cells of the full profile match: add `--profile full`, or give a whole id")
        } else {
            let near = near_misses(filter, ids);
            format!("did you mean {}? `ipcmark list` shows every id", near.join(" or "))
        };
        NoMatch(format!("the filter `{filter}` matches no cell of the {} profile; {advice}", profile.name()))
    }
}

/// The words (parts of ids) and whole ids that resemble `filter` most.
fn near_misses(filter: &str, ids: &[String]) -> Vec<String> {
    let parts = ids.iter().flat_map(|id| id.split('/'));
    let mut candidates: Vec<&str> = parts.chain(ids.iter().map(String::as_str)).collect();
    candidates.sort_unstable();
    candidates.dedup();
    let closeness = |word: &str| strsim::jaro_winkler(filter, word);
    candidates.sort_by(|a, b| closeness(b).total_cmp(&closeness(a)));
    candidates.iter().take(3).map(|word| format!("`{word}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipcmark_harness::machine::Root;

    fn two_cpus() -> Topology {
        Topology::read(&Root::new("/nowhere"), &[0, 1])
    }

    #[test]
    fn ids_are_unique_and_their_parts_fit_criterions_64_bytes() {
        let mut ids: Vec<String> = cells(Profile::Full, &two_cpus()).iter().map(Cell::id).collect();
        assert!(ids.iter().flat_map(|id| id.split('/')).all(|part| part.len() < 64));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn each_profile_is_a_part_of_the_next() {
        let ids = |profile| cells(profile, &two_cpus()).iter().map(Cell::id).collect::<Vec<_>>();
        let (quick, standard, full) = (ids(Profile::Quick), ids(Profile::Standard), ids(Profile::Full));
        assert!(quick.iter().all(|id| standard.contains(id)) && standard.iter().all(|id| full.contains(id)));
        assert!(quick.len() < standard.len() && standard.len() < full.len());
    }

    #[test]
    fn a_whole_id_is_taken_whatever_the_profile() {
        let full = cells(Profile::Full, &two_cpus());
        let beyond = full.iter().map(Cell::id).find(|id| id.ends_with("/256KiB")).unwrap();
        let chosen = select(Profile::Quick, std::slice::from_ref(&beyond), &two_cpus()).unwrap();
        assert_eq!(chosen.iter().map(Cell::id).collect::<Vec<_>>(), [beyond]);
    }

    #[test]
    fn a_filter_that_means_nothing_names_near_misses() {
        let no_match = select(Profile::Quick, &["piep".into()], &two_cpus()).unwrap_err().to_string();
        assert!(no_match.contains("`piep` matches no cell") && no_match.contains("`pipe`"), "{no_match}");
    }

    #[test]
    fn a_filter_that_means_cells_of_another_profile_says_so() {
        let no_match = select(Profile::Quick, &["256KiB".into()], &two_cpus()).unwrap_err().to_string();
        assert!(no_match.contains("--profile full"), "{no_match}");
    }
}
