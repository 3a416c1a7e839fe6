//! What the launches of a machine may be like.

use fastrand::Rng;

use super::Change;
use crate::compare::testing::normal;
use crate::load::Source;

/// What the launches of one machine are like.
#[derive(Clone, Copy)]
pub(super) struct World {
    pub(super) name: &'static str,
    /// A launch's median, around 1, in the first or second record.
    pub(super) launch: fn(&mut Rng, second: bool) -> f64,
    /// Deviation of the whole run, shared by all its cells.
    pub(super) run: f64,
    /// Deviation of each cell in each run, beyond its launches.
    pub(super) cell: f64,
    /// How far launches drift from first to last.
    pub(super) drift: f64,
    /// Deviation of each of the machine's steps, which move as the run does; none: the record has no probes.
    pub(super) steps: Option<f64>,
}

pub(super) const QUIET: World = World {
    name: "quiet",
    launch: |random, _| (0.01 * normal(random)).exp(),
    run: 0.0,
    cell: 0.0,
    drift: 0.0,
    steps: None,
};

pub(super) const WORLDS: [World; 9] = [
    QUIET,
    World { name: "noisy", launch: |random, _| (0.05 * normal(random)).exp(), ..QUIET },
    World {
        name: "heavy tails",
        launch: |random, _| (0.01 * normal(random)).exp() + 0.01 / (1.0 - random.f64()).sqrt(),
        ..QUIET
    },
    World {
        name: "two modes",
        launch: |random, _| if random.bool() { 1.0 } else { 1.15 } * (0.01 * normal(random)).exp(),
        ..QUIET
    },
    World {
        name: "the second three times as noisy",
        launch: |random, second| (if second { 0.06 } else { 0.02 } * normal(random)).exp(),
        ..QUIET
    },
    World { name: "cells that differ", cell: 0.02, ..QUIET },
    World { name: "runs that differ", run: 0.05, ..QUIET },
    World { name: "runs and cells that differ", run: 0.03, cell: 0.02, ..QUIET },
    World { name: "drift", drift: 0.10, run: 0.02, ..QUIET },
];

impl World {
    /// A record of the second side or the first.
    pub(super) fn record(&self, template: &Source, second: bool, change: Change, random: &mut Rng) -> Source {
        let mut source = template.clone();
        let (whole, drift) = (self.run * normal(random), self.drift * (random.f64() - 0.5));
        let cells = source.record.cells.len();
        for (place, cell) in source.record.cells.iter_mut().enumerate() {
            let changed = if super::is_changed(place, change, cells) { change.factor } else { 1.0 };
            let own = whole + self.cell * normal(random);
            let launches = cell.per_launch.len() as f64;
            for (turn, launch) in cell.per_launch.iter_mut().enumerate() {
                let at = own + drift * turn as f64 / launches;
                launch.estimate_ns = 1e3 * at.exp() * (self.launch)(random, second) * changed;
            }
        }
        let header = &mut source.record.header;
        header.tags.insert("side".into(), if second { "second" } else { "first" }.into());
        for step in [
            "unit_atomic_rmw_ns",
            "unit_syscall_ns",
            "unit_switch_same_cpu_ns",
            "unit_wake_other_cpu_ns",
            "null_round_trip_ns",
        ] {
            let value = self.steps.map(|deviation| (whole + deviation * normal(random)).exp());
            value.map(|value| header.probes.insert(step.into(), value.into()));
        }
        source
    }
}
