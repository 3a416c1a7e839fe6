//! Registry × profile → cells, and which of them a user's filters mean.

use std::time::Duration;

use clap::ValueEnum;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::{Placement, Topology};
use ipcmark_harness::sampling::Effort;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::cell::Cell;
use crate::mechanism::{Setup, Waiting};
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

    /// Message sizes. 64 B is one cache line, 4 KiB a page, 64 KiB a pipe.
    fn sizes(self, workload: &str) -> &'static [usize] {
        const KIB: usize = 1 << 10;
        match (self, workload) {
            (Profile::Quick, "stream") => &[64, 64 * KIB],
            (Profile::Quick, _) => &[64],
            (Profile::Standard, _) => &[1, 64, KIB, 4 * KIB, 64 * KIB, KIB * KIB],
            (Profile::Full, _) => &[1, 8, 64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, KIB * KIB],
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

/// The cells of a profile on this machine, in report order; those that cannot run here among them.
pub fn cells(profile: Profile, topology: &Topology) -> Vec<Cell> {
    let apart = nearest_pair(topology);
    let mut cells = Vec::new();
    for workload in workload_names() {
        for setup in setups(profile, workload).filter(|setup| profile.has(setup, apart)) {
            let of_workload = |m: &'static crate::mechanism::Mechanism| {
                let workload = m.workloads.iter().find(|w| w.name == workload)?;
                let fits = workload.waitings.contains(&setup.waiting) && m.reach.peers().contains(&setup.peer);
                fits.then_some(Cell { mechanism: m, workload, setup })
            };
            cells.extend(MECHANISMS.iter().copied().filter_map(of_workload));
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

fn setups(profile: Profile, workload: &str) -> impl Iterator<Item = Setup> {
    let sizes = profile.sizes(workload);
    let peers = [PeerKind::Process, PeerKind::Thread];
    let waitings = [Waiting::Block, Waiting::Spin, Waiting::Adaptive];
    peers.into_iter().flat_map(move |peer| {
        Placement::ALL.into_iter().flat_map(move |placement| {
            waitings.into_iter().flat_map(move |waiting| {
                sizes.iter().map(move |&payload_bytes| Setup { peer, placement, waiting, payload_bytes, parties: 2 })
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
