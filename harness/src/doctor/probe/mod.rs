//! Probes: what the machine itself measures like, before anything is measured on it.
//!
//! Each runs in a worker of its own, as launches of cells do: a probe that a process of another kind had taken would be the floor
//! of something else. All of them take what [`Lengths`] says.

mod jitter;
mod repeat;
mod units;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::control::{Failure, FailureKind};
use crate::launch::Launcher;

pub use jitter::Floor;

/// What probes measured, by name: numbers, or `{"missing": reason}`.
pub type Probes = BTreeMap<String, Value>;

/// How long probes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// How long the jitter probe spins.
    pub jitter: Duration,
    /// How long each machine unit is measured.
    pub unit: Duration,
    /// Launches of each of the two equal series.
    pub launches: u32,
    /// How long each of them measures.
    pub launch: Duration,
}

impl Lengths {
    /// The doctor's own: with this jitter probe, and two series of ten launches, as a profile to publish has.
    #[must_use]
    pub fn full(jitter: Duration) -> Self {
        Self { jitter, unit: Duration::from_millis(200), launches: 10, launch: Duration::from_millis(100) }
    }

    /// Before a run: about three times the jitter probe in all. Where that is cut short, starting processes would be most of the
    /// time: so there are two launches then, and the noise is known the worse for it.
    #[must_use]
    pub fn short(jitter: Duration) -> Self {
        let launches = if jitter < Duration::from_millis(100) { 2 } else { 6 };
        Self { jitter, unit: jitter / 20, launches, launch: jitter / 20 }
    }
}

/// Where probes run: one CPU, and another one where parties can be on two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The CPU of what needs one.
    pub cpu: usize,
    /// The other CPU of what needs two, or why there is none.
    pub other: Result<usize, String>,
}

/// What a worker is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Question {
    kind: Kind,
    place: Place,
    clock: Clock,
    duration_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Jitter,
    Repeat,
    Units,
}

/// The key of a question that is a probe's.
const KEY: &str = "probe";

/// Takes all probes.
///
/// # Errors
/// If a worker fails, or this process is interrupted.
pub fn take(launcher: &Launcher, place: &Place, lengths: &Lengths) -> Result<Probes, Failure> {
    let ask = |kind, duration: Duration| {
        let duration_ns = duration.as_nanos() as u64;
        let question = Question { kind, place: place.clone(), clock: launcher.clock, duration_ns };
        launcher.ask(&json!({ KEY: question }))
    };
    let mut probes = Probes::new();
    probes.extend(members(ask(Kind::Jitter, lengths.jitter)?)?);
    probes.extend(repeat::series(lengths.launches, || {
        ask(Kind::Repeat, lengths.launch)?.as_f64().ok_or_else(|| strange("no number came"))
    })?);
    probes.extend(members(ask(Kind::Units, lengths.unit)?)?);
    Ok(probes)
}

/// In a worker: the answer, if the question is a probe's.
pub(crate) fn answer(question: &Value) -> Option<Result<Value, Failure>> {
    let question = question.get(KEY)?;
    let read = serde_json::from_value::<Question>(question.clone()).map_err(|error| strange(&error.to_string()));
    Some(read.and_then(|question| Ok(work(&question)?)))
}

fn work(question: &Question) -> std::io::Result<Value> {
    let duration = Duration::from_nanos(question.duration_ns);
    match question.kind {
        Kind::Jitter => jitter::spin(&question.clock, question.place.cpu, duration),
        Kind::Repeat => repeat::launch(&question.clock, question.place.cpu, duration),
        Kind::Units => units::measure(&question.clock, &question.place, duration),
    }
}

fn members(answer: Value) -> Result<Probes, Failure> {
    match answer {
        Value::Object(members) => Ok(members.into_iter().collect()),
        other => Err(strange(&other.to_string())),
    }
}

fn strange(what: &str) -> Failure {
    Failure::new(FailureKind::Worker, format!("a probe's worker: {what}"))
}
