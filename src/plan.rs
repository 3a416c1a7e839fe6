//! Registry × profile → cells, and which of them a user's filters select.

mod quick;
mod selection;

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ValueEnum;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::{Placement, Topology};
use ipcmark_harness::sampling::Effort;
use ipcmark_report::grouping::distinct;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::mechanism::{Axes, Mechanism, Point, Rank, Setup, Waiting, Workload};
use crate::mechanisms;
use crate::runner::Goal;

pub use selection::{NoMatch, select};

/// How much is measured: which cells are on by default, and how long each takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// What is asked first, of all families, as far as a minute on two CPUs can tell.
    Quick,
    /// What one would publish: the headline cells, and those that differ from one in a single respect.
    Standard,
    /// Every cell.
    Full,
}

impl Profile {
    /// Each a part of the next.
    pub const ALL: [Profile; 3] = [Profile::Quick, Profile::Standard, Profile::Full];

    /// As it is spelt on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Standard => "standard",
            Profile::Full => "full",
        }
    }

    /// Launches of each cell, at least. Six is the fewest whose extremes cover the median with 95 % (1 − 2⁻⁵ = 0.969); twelve leave
    /// out two on either side, so that one bad launch does not widen the interval.
    pub fn launches(self) -> u32 {
        match self {
            Profile::Quick => 6,
            Profile::Standard | Profile::Full => 12,
        }
    }

    /// What each launch measures: the same in all profiles, so that a cell means the same in each; but for how long it is waited for
    /// a steady state.
    pub fn effort(self) -> Effort {
        let ms = Duration::from_millis;
        let cap = if self == Profile::Quick { ms(400) } else { ms(1000) };
        Effort { batch: ms(2), first_launch: ms(100), steady: ms(36), cap, each: ms(10) }
    }

    /// How well each cell should be known, and how long the run may take for that.
    pub fn goal(self) -> Goal {
        match self {
            Profile::Quick => Goal { target: Some(0.05), budget: Duration::from_secs(54) },
            Profile::Standard => Goal { target: Some(0.05), budget: Duration::from_secs(45 * 60) },
            Profile::Full => Goal { target: None, budget: Duration::from_secs(45 * 60) },
        }
    }

    /// Whether it may have cells of this workload and mechanism.
    fn wants(self, workload: &str, mechanism: &str) -> bool {
        self != Profile::Quick || quick::wants(workload, mechanism)
    }

    /// Whether it has this cell, the ranks of whose parts add up to `rank`. `apart`: the placement that stands for two CPUs.
    fn has(self, cell: &Cell, rank: usize, apart: Placement) -> bool {
        match self {
            Profile::Quick => quick::has(cell, &apart.to_string()),
            Profile::Standard => rank <= Rank::Common as usize,
            Profile::Full => true,
        }
    }
}

/// How prominent the setup is, but for the values of its workload's axes. `apart`: the placement that stands for two CPUs.
fn rank(setup: &Setup, apart: Placement, axes: &Axes) -> usize {
    let together = setup.placement == Placement::SameCpu;
    let placement = match setup.placement {
        // Two parties that spin on one CPU wait for the scheduler's tick: milliseconds, and no secret.
        Placement::SameCpu if matches!(setup.waiting, Waiting::Spin | Waiting::Adaptive) => Rank::Rare,
        // Where it is the only one, it is what there is.
        Placement::Unpinned if axes.placements.len() > 1 => Rank::Rare,
        Placement::Unpinned => Rank::Headline,
        placement if together || placement == apart => Rank::Headline,
        _ => Rank::Common,
    };
    let waiting = if setup.waiting == Waiting::Adaptive { Rank::Common } else { Rank::Headline };
    placement as usize + waiting as usize
}

/// The cells of a profile on this machine, in report order; those that cannot run here among them.
pub fn cells(profile: Profile, topology: &Topology) -> Vec<Cell> {
    cells_of(profile, topology, |_, _| true)
}

/// Those of them whose workload and mechanism, by their names, are wanted.
pub(crate) fn cells_of(profile: Profile, topology: &Topology, wanted: impl Fn(&str, &str) -> bool) -> Vec<Cell> {
    let apart = nearest_pair(topology);
    let mut cells = Vec::new();
    for name in workload_names() {
        let of_this_name = |mechanism: &'static Mechanism| {
            mechanism
                .workloads()
                .filter(|workload| workload.name == name && profile.wants(name, mechanism.name))
                .filter(|_| wanted(name, mechanism.name))
                .map(move |workload| (mechanism, workload))
        };
        let table: Vec<_> = mechanisms::all().flat_map(of_this_name).collect();
        for setup in setups(&table) {
            let cell = |&(mechanism, workload): &(&'static Mechanism, &'static Workload)| {
                let waits = workload.waitings.contains(&setup.waiting);
                let point = point(&workload.axes, &setup).filter(|_| waits)?;
                let peer = mechanism.reach.rank(setup.peer, setup.waiting)?;
                let rank = rank(&setup, apart, &workload.axes)
                    + point
                    + peer
                    + mechanism.rank as usize
                    + workload.rank as usize;
                let cell = Cell { mechanism, workload, setup };
                profile.has(&cell, rank, apart).then_some(cell)
            };
            cells.extend(table.iter().filter_map(cell));
        }
    }
    cells
}

/// How prominent the setup's place on the workload's axes is; none: it is not on them.
fn point(axes: &Axes, setup: &Setup) -> Option<usize> {
    fn on<T: PartialEq + Copy>(axis: &[Point<T>], value: Option<T>) -> Option<usize> {
        match value {
            None => axis.is_empty().then_some(0),
            Some(value) => axis.iter().find(|point| point.0 == value).map(|point| point.1 as usize),
        }
    }
    if !axes.placements.contains(&setup.placement) {
        return None;
    }
    let placement = match setup.placement {
        // Who hands a lock over on one CPU must be taken off it, or leave it: asked for after the way between two.
        Placement::SameCpu if setup.waiting == Waiting::Own && axes.placements.len() > 1 => Rank::Common as usize,
        Placement::SameCpu => axes.on_one_cpu as usize,
        _ => 0,
    };
    let polling = if setup.waiting == Waiting::Spin { axes.polling as usize } else { 0 };
    let size_and_parties = on(axes.payload_bytes, Some(setup.payload_bytes))? + on(axes.parties, Some(setup.parties))?;
    let times = on(axes.idle_ns, setup.idle_ns)? + on(axes.rate_per_s, setup.rate_per_s)?;
    let lock = on(axes.hold_ns, setup.hold_ns)? + on(axes.outside_ns, setup.outside_ns)?;
    let lock = lock + on(axes.permits, setup.permits)? + on(axes.reads_per_mille, setup.reads_per_mille)?;
    let memory = on(axes.memory_bytes, setup.memory_bytes)? + on(axes.stride_bytes, setup.stride_bytes)?;
    Some(placement + polling + size_and_parties + times + lock + memory + on(axes.quantum_ns, setup.quantum_ns)?)
}

/// Every setup that any workload of the table has.
fn setups(table: &[(&'static Mechanism, &'static Workload)]) -> Vec<Setup> {
    let axes: Vec<Axes> = table.iter().map(|(_, workload)| workload.axes).collect();
    let mut setups = Vec::new();
    for peer in PeerKind::ALL {
        for placement in Placement::ALL.into_iter().filter(|at| axes.iter().any(|axes| axes.placements.contains(at))) {
            let waits = |waiting: &Waiting| table.iter().any(|(_, workload)| workload.waitings.contains(waiting));
            setups
                .extend(Waiting::ALL.into_iter().filter(waits).map(|waiting| Setup::new(peer, placement, waiting, 0)));
        }
    }
    // The first axis of those below varies most slowly, and so does the kind of peer before all of them.
    vary(&mut setups, optional(&axes, |axes| axes.idle_ns), |setup, ns| setup.idle_ns = ns);
    vary(&mut setups, optional(&axes, |axes| axes.rate_per_s), |setup, rate| setup.rate_per_s = rate);
    vary(&mut setups, values(&axes, |axes| axes.payload_bytes), |setup, bytes| setup.payload_bytes = bytes);
    vary(&mut setups, optional(&axes, |axes| axes.reads_per_mille), |setup, n| setup.reads_per_mille = n);
    vary(&mut setups, optional(&axes, |axes| axes.permits), |setup, n| setup.permits = n);
    vary(&mut setups, optional(&axes, |axes| axes.outside_ns), |setup, ns| setup.outside_ns = ns);
    vary(&mut setups, optional(&axes, |axes| axes.hold_ns), |setup, ns| setup.hold_ns = ns);
    vary(&mut setups, values(&axes, |axes| axes.parties), |setup, parties| setup.parties = parties);
    vary(&mut setups, optional(&axes, |axes| axes.stride_bytes), |setup, bytes| setup.stride_bytes = bytes);
    vary(&mut setups, optional(&axes, |axes| axes.memory_bytes), |setup, bytes| setup.memory_bytes = bytes);
    vary(&mut setups, optional(&axes, |axes| axes.quantum_ns), |setup, ns| setup.quantum_ns = ns);
    setups
}

/// Each setup with each value.
fn vary<T: Copy>(setups: &mut Vec<Setup>, values: Vec<T>, set: impl Fn(&mut Setup, T)) {
    let with = |setup: &Setup, value: T| {
        let mut setup = *setup;
        set(&mut setup, value);
        setup
    };
    *setups = setups
        .iter()
        .flat_map(|setup| values.iter().map(move |&value| (setup, value)))
        .map(|(s, v)| with(s, v))
        .collect();
}

/// The values of an axis that differ, ascending.
fn values<T: Ord + Copy + 'static>(axes: &[Axes], axis: impl Fn(&Axes) -> &'static [Point<T>]) -> Vec<T> {
    let values: BTreeSet<T> = axes.iter().flat_map(axis).map(|point| point.0).collect();
    values.into_iter().collect()
}

/// The same of an axis that not every workload of this name has.
fn optional<T: Ord + Copy + 'static>(axes: &[Axes], axis: impl Fn(&Axes) -> &'static [Point<T>]) -> Vec<Option<T>> {
    let without = axes.iter().any(|axes| axis(axes).is_empty()).then_some(None);
    without.into_iter().chain(values(axes, axis).into_iter().map(Some)).collect()
}

/// The closest pair of distinct cores; where there is none, the one that most machines have, to be skipped with its reason.
fn nearest_pair(topology: &Topology) -> Placement {
    Placement::APART.into_iter().find(|&pair| topology.cpus(pair).is_ok()).unwrap_or(Placement::SameCache)
}

/// Each workload once, in the order of first appearance.
pub fn workload_names() -> Vec<&'static str> {
    distinct(mechanisms::all().flat_map(Mechanism::workloads).map(|workload| workload.name))
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

    /// Also where others of its name have an axis that it has not.
    #[test]
    fn every_workload_of_every_mechanism_has_a_cell() {
        let full = cells(Profile::Full, &two_cpus());
        for mechanism in mechanisms::all() {
            for workload in mechanism.workloads() {
                let is_there =
                    |cell: &Cell| cell.mechanism.name == mechanism.name && cell.workload.name == workload.name;
                assert!(full.iter().any(is_there), "{} of {}", workload.name, mechanism.name);
            }
        }
    }

    #[test]
    fn each_profile_is_a_part_of_the_next() {
        let ids = |profile| cells(profile, &two_cpus()).iter().map(Cell::id).collect::<Vec<_>>();
        let (quick, standard, full) = (ids(Profile::Quick), ids(Profile::Standard), ids(Profile::Full));
        assert!(quick.iter().all(|id| standard.contains(id)) && standard.iter().all(|id| full.contains(id)));
        assert!(quick.len() < standard.len() && standard.len() < full.len());
    }
}
