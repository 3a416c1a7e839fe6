//! From what was measured to a line: the one place where derived values are computed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cell::{Cell, CpuTimes, Cpus, LaunchSummary, NearFar, Outcome};
use super::facts;
use super::text::clip;
use crate::control::{Failure, FailureKind};
use crate::estimate::{Estimate, estimate, median};
use crate::grade::steadiness::two_modes;
use crate::histogram::Histogram;
use crate::machine::Scheduling;
use crate::usage::Usage;

/// Why a cell has no result is told in at most this many bytes: the output of a panic can be long.
const MAX_REASON_BYTES: usize = 4_096;

/// The most batches that a launch stands for when a run is resumed: a record may claim any number, and each takes 8 bytes. Launches have
/// some hundreds.
const MAX_BATCHES: u64 = 1_000;

/// What a cell is, whatever became of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The stable id.
    pub id: String,
    /// The mechanism's name.
    pub mechanism: String,
    /// The mechanism's family.
    pub family: String,
    /// The workload's name.
    pub workload: String,
    /// The setup's parameters.
    pub setup: Map<String, Value>,
    /// The CPUs of the parties.
    pub cpus: Cpus,
    /// What describes the mechanism: man pages, papers, crates.
    pub references: Vec<String>,
}

/// One launch as it was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Launch {
    /// The time of each batch in the steady state, in ns per operation.
    pub batches_ns: Vec<f64>,
    /// When it ran, how it settled, and what its CPUs did beside it.
    pub context: LaunchContext,
    /// Operations in all batches.
    pub operations: u64,
    /// What the worker used.
    pub near: Usage,
    /// What all peers used.
    pub far: Usage,
    /// What each of those who compete got.
    pub shares: Vec<u64>,
    /// What else was observed, units in the names.
    pub facts: BTreeMap<String, f64>,
    /// In which start of the run.
    pub start: u32,
    /// How each party was scheduled, where one was not as the run.
    pub scheduling: Option<NearFar<Vec<Scheduling>>>,
}

/// When a launch ran, how it settled, and what its CPUs did beside it. The fields are those of [`LaunchSummary`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each is described where the record has it")]
pub struct LaunchContext {
    pub round: u32,
    pub at_s: f64,
    pub first_ns: Option<f64>,
    pub steady: Option<bool>,
    pub steady_after_ms: Option<f64>,
    pub wall_ns: u64,
    pub cpus: u32,
    pub foreign_ns: u64,
    pub stolen_ns: u64,
}

/// All that was measured of a cell: what [`Cell::measured`] turns into a line.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The launches, in the order in which they ran.
    pub launches: Vec<Launch>,
    /// Single operations of all launches, or why there are none.
    pub histogram: Result<Histogram, String>,
    /// Payload that one operation carries, in bytes, where that means something.
    pub bytes_per_operation: Option<f64>,
    /// What verification said: `passed`, or why it was not done.
    pub verification: Option<String>,
    /// Conditions during this cell, such as stolen time.
    pub conditions: BTreeMap<String, Value>,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}

impl Cell {
    /// A cell that cannot be measured here. A long reason is cut to 4 KiB.
    #[must_use]
    pub fn skipped(identity: Identity, reason: &str) -> Self {
        Self::without_numbers(identity, Outcome::Skipped, reason)
    }

    /// A cell that went wrong. A long reason is cut to 4 KiB.
    #[must_use]
    pub fn failed(identity: Identity, reason: &str) -> Self {
        Self::without_numbers(identity, Outcome::Failed, reason)
    }

    /// A cell without numbers for this failure: disturbed, or gone wrong. A long reason is cut to 4 KiB.
    #[must_use]
    pub fn without_result(identity: Identity, failure: &Failure) -> Self {
        let is_disturbed = failure.kind == FailureKind::Disturbed;
        let outcome = if is_disturbed { Outcome::Disturbed } else { Outcome::Failed };
        Self::without_numbers(identity, outcome, &failure.reason)
    }

    /// A measured cell with everything that follows from the measurement; launches without batches are left out.
    /// Without any batch, or with a time that is not finite, it is a failed cell: never a clean number.
    #[must_use]
    pub fn measured(identity: Identity, measurement: Measurement) -> Self {
        let mut launches = measurement.launches;
        launches.retain(|launch| !launch.batches_ns.is_empty());
        let batches: Vec<Vec<f64>> = launches.iter().map(|l| l.batches_ns.clone()).collect();
        let Some(found) = estimate(&batches) else {
            return Self::failed(identity, "no batch with a finite time was measured");
        };
        let mut cell = Self::without_numbers(identity, Outcome::Measured, "");
        cell.reason = None;
        cell.set_estimate(&found, measurement.bytes_per_operation);
        cell.set_phases(&launches);
        cell.set_usage(&launches);
        cell.set_tail(measurement.histogram);
        cell.set_shares(&launches);
        cell.facts = facts::merged(launches.iter().map(|launch| &launch.facts));
        cell.per_launch = launches.iter().filter_map(Launch::summary).collect();
        cell.verification = measurement.verification;
        cell.conditions = measurement.conditions;
        cell.notes = measurement.notes;
        cell
    }

    fn without_numbers(identity: Identity, outcome: Outcome, reason: &str) -> Self {
        Self {
            id: identity.id,
            mechanism: identity.mechanism,
            family: identity.family,
            workload: identity.workload,
            setup: identity.setup,
            cpus: identity.cpus,
            references: identity.references,
            outcome,
            reason: Some(clip(reason, MAX_REASON_BYTES)),
            estimate_ns: None,
            interval_ns: None,
            interval_level: None,
            interval_spans: None,
            drift_share: None,
            first_ns: None,
            first_interval_ns: None,
            modes_ns: Vec::new(),
            unsteady_launches: 0,
            replaced: Vec::new(),
            launches: 0,
            samples: 0,
            operations: 0,
            quantiles_ns: None,
            histogram: None,
            quantiles_missing: None,
            cpu_ns_per_op: None,
            voluntary_switches_per_op: None,
            involuntary_switches_per_op: None,
            faults_per_op: None,
            migrations: None,
            bytes_per_s: None,
            operations_per_s: None,
            shares: None,
            fairness: None,
            facts: BTreeMap::new(),
            verification: None,
            conditions: BTreeMap::new(),
            notes: Vec::new(),
            grade: None,
            per_launch: Vec::new(),
        }
    }

    fn set_estimate(&mut self, found: &Estimate, bytes_per_operation: Option<f64>) {
        let interval = &found.interval;
        self.estimate_ns = Some(found.point_ns);
        self.interval_ns = Some([interval.low, interval.high]);
        self.interval_level = Some(interval.level);
        self.interval_spans = Some(interval.spans.to_string());
        self.launches = u32::try_from(found.launches).unwrap_or(u32::MAX);
        self.samples = found.batches as u64;
        // An estimate of zero has no rate.
        self.operations_per_s = (found.point_ns > 0.0).then(|| 1e9 / found.point_ns);
        self.bytes_per_s = self.operations_per_s.zip(bytes_per_operation).map(|(operations, bytes)| operations * bytes);
    }

    /// What a burst sees, how many launches settled, and the two levels where there are two.
    fn set_phases(&mut self, launches: &[Launch]) {
        let first: Vec<Vec<f64>> = launches.iter().filter_map(|launch| Some(vec![launch.context.first_ns?])).collect();
        if let Some(first) = estimate(&first).filter(|_| first.len() == launches.len()) {
            self.first_ns = Some(first.point_ns);
            self.first_interval_ns = Some([first.interval.low, first.interval.high]);
        }
        let unsteady = launches.iter().filter(|launch| launch.context.steady == Some(false)).count();
        self.unsteady_launches = u32::try_from(unsteady).unwrap_or(u32::MAX);
        let medians: Vec<f64> = launches.iter().filter_map(|launch| median(&launch.batches_ns)).collect();
        self.modes_ns = two_modes(&medians).map_or_else(Vec::new, Vec::from);
    }

    fn set_usage(&mut self, launches: &[Launch]) {
        self.operations = launches.iter().map(|launch| launch.operations).sum();
        let total = NearFar {
            near: Usage::sum(launches.iter().map(|launch| &launch.near)),
            far: Usage::sum(launches.iter().map(|launch| &launch.far)),
        };
        self.migrations = total.near.migrations.zip(total.far.migrations).map(|(near, far)| NearFar { near, far });
        if self.operations == 0 {
            return;
        }
        let share = |total: u64| total as f64 / self.operations as f64;
        let both = |of: fn(&Usage) -> u64| NearFar { near: share(of(&total.near)), far: share(of(&total.far)) };
        let (cpu, user, system) = (both(|u| u.cpu_ns), both(|u| u.user_ns), both(|u| u.system_ns));
        self.voluntary_switches_per_op = Some(both(|u| u.voluntary_switches));
        self.involuntary_switches_per_op = Some(both(|u| u.involuntary_switches));
        self.faults_per_op = Some(both(|u| u.minor_faults.saturating_add(u.major_faults)));
        self.cpu_ns_per_op = Some(CpuTimes {
            near: cpu.near,
            far: cpu.far,
            near_user: user.near,
            near_system: system.near,
            far_user: user.far,
            far_system: system.far,
        });
    }

    fn set_shares(&mut self, launches: &[Launch]) {
        let fairness: Vec<f64> = launches.iter().filter_map(|launch| jain_index(&launch.shares)).collect();
        self.fairness = median(&fairness);
        let contenders = launches.iter().map(|launch| launch.shares.len()).max().unwrap_or(0);
        let total = |place| launches.iter().filter_map(|launch| launch.shares.get(place)).sum();
        self.shares = (contenders > 0).then(|| (0..contenders).map(total).collect());
    }

    fn set_tail(&mut self, histogram: Result<Histogram, String>) {
        match histogram {
            Ok(histogram) if histogram.is_empty() => {
                self.quantiles_missing = Some("no single operation was timed".to_owned());
            }
            Ok(histogram) => {
                self.quantiles_ns = Some(histogram.quantiles());
                self.histogram = Some(histogram.to_base64());
            }
            Err(reason) => self.quantiles_missing = Some(clip(&reason, MAX_REASON_BYTES)),
        }
    }
}

/// Jain, Chiu, Hawe: A Quantitative Measure of Fairness, DEC-TR-301, 1984: 1 where all got the same, 1/n where one got all.
/// None: nobody competed, or nobody got anything.
fn jain_index(shares: &[u64]) -> Option<f64> {
    let sum: f64 = shares.iter().map(|&share| share as f64).sum();
    let squares: f64 = shares.iter().map(|&share| (share as f64).powi(2)).sum();
    (squares > 0.0).then(|| sum * sum / (shares.len() as f64 * squares))
}

impl Launch {
    /// A launch as a record keeps it: its batches are gone, their median stands for each of them.
    #[must_use]
    pub fn from_summary(summary: &LaunchSummary) -> Self {
        let batches_ns = vec![summary.estimate_ns; usize::try_from(summary.samples.min(MAX_BATCHES)).unwrap_or(0)];
        Self {
            batches_ns,
            operations: summary.operations,
            near: summary.near,
            far: summary.far,
            shares: summary.shares.clone(),
            facts: summary.facts.clone(),
            context: LaunchContext {
                round: summary.round,
                at_s: summary.at_s,
                first_ns: summary.first_ns,
                steady: summary.steady,
                steady_after_ms: summary.steady_after_ms,
                wall_ns: summary.wall_ns,
                cpus: summary.cpus,
                foreign_ns: summary.foreign_ns,
                stolen_ns: summary.stolen_ns,
            },
            start: summary.start,
            scheduling: summary.scheduling.clone(),
        }
    }

    fn summary(&self) -> Option<LaunchSummary> {
        Some(LaunchSummary {
            estimate_ns: median(&self.batches_ns)?,
            round: self.context.round,
            at_s: self.context.at_s,
            first_ns: self.context.first_ns,
            steady: self.context.steady,
            steady_after_ms: self.context.steady_after_ms,
            wall_ns: self.context.wall_ns,
            cpus: self.context.cpus,
            foreign_ns: self.context.foreign_ns,
            stolen_ns: self.context.stolen_ns,
            samples: self.batches_ns.len() as u64,
            operations: self.operations,
            near: self.near,
            far: self.far,
            shares: self.shares.clone(),
            facts: self.facts.clone(),
            start: self.start,
            scheduling: self.scheduling.clone(),
        })
    }
}
