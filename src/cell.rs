//! One cell: a mechanism, a workload and a setup, with the id they make; and its way into a worker process and back.

use std::collections::BTreeSet;
use std::fmt;

use ipcmark_harness::clock::Clock;
use ipcmark_harness::control::{Failure, FailureKind, with_limit};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::placement::Topology;
use ipcmark_harness::record::{Cpus, Identity};
use ipcmark_harness::session::Session;
use ipcmark_harness::worker::Trade;
use ipcmark_report::words::{rate_label, size_label, time_label};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capabilities;
use crate::mechanism::{Mechanism, Setup, Stage, Support, Waiting, Workload};
use crate::mechanisms;

/// One line of results, before it is measured.
#[derive(Copy, Clone, Debug)]
pub struct Cell {
    /// What is measured.
    pub mechanism: &'static Mechanism,
    /// What is done with it.
    pub workload: &'static Workload,
    /// With which parameters.
    pub setup: Setup,
}

/// What a worker is told.
#[derive(Serialize, Deserialize)]
struct Spec {
    mechanism: String,
    workload: String,
    stage: Stage,
}

/// The id: `workload/<what must be equal>/mechanism/<swept value>`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.group(), self.mechanism.name, self.value())
    }
}

impl Cell {
    /// As [`fmt::Display`].
    pub fn id(&self) -> String {
        self.to_string()
    }

    /// The part of the id that cells must share to be compared: workload, peer, placement, waiting.
    pub fn group(&self) -> String {
        let Setup { peer, placement, waiting, .. } = self.setup;
        format!("{}/{}/{placement}/{}", self.workload.name, peer_name(peer), waiting.name())
    }

    /// The swept values at the end of the id: the size, then what else the workload is swept over.
    pub fn value(&self) -> String {
        let (setup, axes) = (&self.setup, &self.workload.axes);
        let parties = match setup.parties {
            _ if axes.parties.len() <= 1 => None,
            1 if axes.alike => Some("1party".into()),
            parties if axes.alike => Some(format!("{parties}parties")),
            parties => Some(format!("{}peers", parties - 1)),
        };
        let idle = setup.idle_ns.map(|ns| format!("after-{}", time_label(ns)));
        let rate = setup.rate_per_s.map(rate_label);
        let reads = setup.reads_per_mille.map(|reads| format!("reads{}.{}pct", reads / 10, reads % 10));
        let permits = setup.permits.map(|permits| match permits {
            1 => "1permit".into(),
            permits => format!("{permits}permits"),
        });
        let work = match (setup.hold_ns, setup.outside_ns) {
            // Whoever holds the lock takes it again before the others notice that it is free.
            (Some(0), Some(0)) => Some("capture".into()),
            (hold, outside) => {
                let outside = outside.map(|ns| format!("-out{}", time_label(ns)));
                hold.map(|ns| format!("hold{}{}", time_label(ns), outside.unwrap_or_default()))
            }
        };
        let memory = setup.memory_bytes.map(|bytes| format!("mem{}", size_label(bytes)));
        let stride = setup.stride_bytes.map(|bytes| format!("stride{}", size_label(bytes)));
        let quantum = setup.quantum_ns.map(|ns| format!("q{}", time_label(ns)));
        let size = Some(size_label(setup.payload_bytes));
        let all = [size, parties, idle, rate, reads, permits, work, memory, stride, quantum];
        all.into_iter().flatten().collect::<Vec<String>>().join("-")
    }

    /// Payload bytes that one operation delivers.
    pub fn bytes_per_operation(&self) -> Option<f64> {
        self.workload.carries_payload.then_some(self.setup.payload_bytes as f64)
    }

    /// The setup as an object, for lists and records.
    pub fn setup_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self.setup) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// What the record says of it before it is measured.
    pub fn identity(&self, stage: Option<&Stage>) -> Identity {
        let cpus = stage.map_or_else(Cpus::default, |s| Cpus { near: s.near_cpus.clone(), far: s.far_cpus.clone() });
        Identity {
            id: self.id(),
            mechanism: self.mechanism.name.into(),
            family: self.mechanism.family.to_string(),
            workload: self.workload.name.into(),
            setup: self.setup_json(),
            cpus,
            references: self.mechanism.references.iter().map(|reference| (*reference).to_owned()).collect(),
        }
    }

    /// What a worker must be told to open it.
    pub fn spec(&self, stage: &Stage) -> Value {
        json!({"mechanism": self.mechanism.name, "workload": self.workload.name, "stage": stage})
    }
}

/// As it stands in ids.
pub fn peer_name(peer: PeerKind) -> &'static str {
    match peer {
        PeerKind::Process => "process",
        PeerKind::Thread => "thread",
        PeerKind::CloneVm => "clone-vm",
    }
}

/// What can run here: the kernel's word on each mechanism, and where parties can be placed.
pub struct Here {
    topology: Topology,
    missing: Vec<(&'static str, String)>,
}

impl Here {
    /// Reads the topology, and has a worker try each mechanism.
    pub fn look(launcher: &Launcher) -> Result<Here, Failure> {
        let answer = launcher.ask(&json!("support"))?;
        let reason = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = mechanisms::all().filter_map(|m| Some((m.name, reason(m.name)?))).collect();
        Ok(Here { topology: Topology::of_this_machine(), missing })
    }

    /// Where the cell's parties go, or why it cannot run here.
    pub fn stage(&self, cell: &Cell) -> Result<Stage, String> {
        if let Some(reason) = self.missing(cell.mechanism) {
            return Err(reason.into());
        }
        let (placement, parties) = (cell.setup.placement, cell.setup.parties);
        let (near_cpus, far_cpus) = if cell.workload.axes.alike {
            let mut near = self.topology.crowd(placement, parties)?;
            let far = near.split_off(near.len().min(1));
            (near, far)
        } else {
            self.topology.parties(placement, parties - 1)?
        };
        let cpus: BTreeSet<_> = near_cpus.iter().chain(&far_cpus).collect();
        if cell.setup.parties > 2 && cell.setup.waiting == Waiting::Spin && cpus.len() < cell.setup.parties {
            let (parties, cpus) = (cell.setup.parties, cpus.len());
            return Err(format!("{parties} parties that poll want a CPU each; {} offers {cpus}", cell.setup.placement));
        }
        if let Support::Missing(reason) = (cell.workload.supports)(&cell.setup) {
            return Err(reason);
        }
        Ok(Stage { setup: cell.setup, near_cpus, far_cpus })
    }

    /// Why the mechanism is not there at all, if it is not.
    pub fn missing(&self, mechanism: &Mechanism) -> Option<&str> {
        self.missing.iter().find(|(name, _)| *name == mechanism.name).map(|(_, reason)| reason.as_str())
    }

    /// What this machine's CPUs look like.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }
}

/// What the mechanism can do here, tried in a worker of its own.
pub fn observe(launcher: &Launcher, mechanism: &Mechanism) -> Result<Capabilities, Failure> {
    let answer = launcher.ask(&json!({"observe": mechanism.name}))?;
    serde_json::from_value(answer)
        .map_err(|error| Failure::new(FailureKind::Worker, format!("the worker's answer: {error}")))
}

/// What this suite's workers do.
pub const TRADE: Trade = Trade { open, answer };

fn open(spec: &Value, clock: Clock) -> Result<Box<dyn Session>, Failure> {
    let spec: Spec = serde_json::from_value(spec.clone())
        .map_err(|error| Failure::new(FailureKind::Worker, format!("the cell's specification: {error}")))?;
    let unknown =
        || Failure::new(FailureKind::Worker, format!("it knows no cell {}/{}", spec.workload, spec.mechanism));
    let mechanism = mechanisms::find(&spec.mechanism).ok_or_else(unknown)?;
    let workload = mechanism.workloads().find(|w| w.name == spec.workload).ok_or_else(unknown)?;
    let session = (workload.open)(&spec.stage, clock)?;
    #[cfg(feature = "test-mechanisms")]
    let session = crate::slowed_session::wrapped(session)?;
    Ok(session)
}

/// To `"support"`: the mechanisms that this kernel lacks, each with its reason. To `{"observe": name}`: what that one can do.
fn answer(question: &Value) -> Result<Value, Failure> {
    if let Some(mechanism) = question.get("observe").and_then(Value::as_str).and_then(mechanisms::find) {
        return Ok(json!(mechanism.observe()?));
    }
    let missing = mechanisms::all().filter_map(|mechanism| match (mechanism.support)() {
        Support::Available => None,
        Support::Missing(reason) => Some((mechanism.name.to_owned(), Value::String(with_limit(reason)))),
    });
    Ok(Value::Object(missing.collect()))
}
