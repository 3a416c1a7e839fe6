//! `ipcmark soak`: checked traffic over every mechanism in turn, for as long as asked, and an eye on what grows meanwhile.
//!
//! A turn is a worker of its own that checks every byte for some seconds, in several orders. What the worker and its peers hold
//! is read after the first order, when everything is faulted in and open, and after the last; what the suite itself holds, after
//! each round. What bears a name must be gone after each turn.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::footprint::Footprint;
use ipcmark_harness::session::Verified;
use ipcmark_harness::sys::{names, signals};
use serde_json::{Value, json};

use super::exit::{self, Stop};
use super::{Bench, PATIENCE_S, Selection, output, say};
use crate::cell::Cell;
use crate::mechanism::Stage;
use crate::plan::Profile;

/// Arguments of `soak`.
#[derive(Debug, Args)]
pub(super) struct SoakArgs {
    #[command(flatten)]
    selection: Selection,
    /// How long in all; every cell gets at least one turn
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = output::positive_seconds)]
    minutes: f64,
    /// The longest turn, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = output::positive_seconds)]
    turn: f64,
    /// The profile whose cells are meant; of each mechanism, workload and kind of peer the first that can run here is taken
    #[arg(long, value_enum, default_value_t = Profile::Standard)]
    profile: Profile,
    /// An object instead of lines
    #[arg(long)]
    json: bool,
    /// Seconds a worker may take beyond its work before it counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE_S, value_parser = output::positive_seconds)]
    cell_timeout: f64,
}

/// Orders in one turn: growth is what is held after the last beyond what was held after the first.
const ORDERS: u32 = 4;
/// Beyond this, memory has grown. An allocator's free pages come and go by less; a leak of a byte an operation is more within
/// the first million.
const GROWTH_BYTES: u64 = 1 << 20;

/// What became of one mechanism's turns.
#[derive(Debug, Default)]
struct Account {
    turns: u64,
    operations: u64,
    bytes: u64,
    troubles: Vec<Trouble>,
}

/// Something that must not be.
#[derive(Clone, Debug)]
struct Trouble {
    cell: String,
    what: String,
    /// The cell's check has failed, rather than something been left or grown.
    verification: bool,
}

pub(super) fn run(args: &SoakArgs) -> anyhow::Result<()> {
    let bench = Bench::set_up(args.cell_timeout)?;
    let cells = takers(&bench, bench.select(args.profile, &args.selection.filters)?);
    if cells.is_empty() {
        return Err(Stop::usage("none of the cells that the filters mean can run here: `ipcmark list` says why").into());
    }
    signals::catch_interruptions()?;
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let turn = Duration::from_secs_f64(args.turn).min(length / cells.len() as u32);
    let bar = output::progress(cells.len() as u64);
    let mut soak = Soak { bench: &bench, turn, left: left()?, accounts: BTreeMap::new(), rounds: Vec::new() };
    let outcome = soak.rounds(&cells, Instant::now() + length, &bar);
    bar.finish_and_clear();
    soak.print(args.json)?;
    outcome.map_err(|failure| Stop::of(&failure))?;
    soak.judge()
}

/// Of each mechanism, workload and kind of peer the first cell that can run here.
fn takers(bench: &Bench, cells: Vec<Cell>) -> Vec<(Cell, Stage)> {
    let mut seen = BTreeSet::new();
    let first = |cell: &Cell| (cell.mechanism.name, cell.workload.name, cell.setup.peer);
    let staged = cells.into_iter().filter_map(|cell| bench.here.stage(&cell).ok().map(|stage| (cell, stage)));
    staged.filter(|(cell, _)| seen.insert(first(cell))).collect()
}

struct Soak<'a> {
    bench: &'a Bench,
    turn: Duration,
    /// What has been left by now, and told of.
    left: BTreeSet<String>,
    accounts: BTreeMap<&'static str, Account>,
    /// What the suite itself held after each round.
    rounds: Vec<Footprint>,
}

impl Soak<'_> {
    /// Whole rounds until `end`; the first one whatever the time. Fails only when it is interrupted.
    fn rounds(&mut self, cells: &[(Cell, Stage)], end: Instant, bar: &ProgressBar) -> Result<(), Failure> {
        loop {
            bar.set_position(0);
            for (cell, stage) in cells {
                bar.set_message(cell.id());
                self.take_turn(cell, stage)?;
                bar.inc(1);
                if !self.rounds.is_empty() && Instant::now() >= end {
                    return Ok(());
                }
            }
            self.rounds.extend(Footprint::of(std::process::id()));
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    fn take_turn(&mut self, cell: &Cell, stage: &Stage) -> Result<(), Failure> {
        let mut seen = Seen::default();
        let verified = checked_traffic(self.bench, cell, stage, self.turn / ORDERS, &mut seen);
        let account = self.accounts.entry(cell.mechanism.name).or_default();
        account.turns += 1;
        match verified {
            Ok(verified) => {
                account.operations += verified.operations;
                account.bytes += verified.bytes;
                account.troubles.extend(seen.growth().into_iter().map(|what| trouble(cell, what, false)));
            }
            Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
            // Other work changed a count: the turn shows nothing, and nothing is wrong.
            Err(failure) if failure.kind == FailureKind::Disturbed => {}
            Err(failure) => {
                let verification = failure.kind == FailureKind::Verification;
                account.troubles.push(trouble(cell, failure.to_string(), verification));
            }
        }
        let left = left().unwrap_or_default();
        account.troubles.extend(left.difference(&self.left).map(|what| trouble(cell, format!("left {what}"), false)));
        self.left.extend(left);
        Ok(())
    }

    fn judge(&self) -> anyhow::Result<()> {
        let troubles: Vec<&Trouble> = self.accounts.values().flat_map(|account| &account.troubles).collect();
        let (first, last) = (self.rounds.first(), self.rounds.last());
        let grown = first.zip(last).map(|(first, last)| growth(first, last)).unwrap_or_default();
        if troubles.is_empty() && grown.is_empty() {
            return Ok(());
        }
        let code = if troubles.iter().any(|t| t.verification) { exit::VERIFICATION } else { exit::FAILURE };
        let own: String = grown.iter().map(|what| format!("; ipcmark itself: {what}")).collect();
        Err(Stop::new(code, format!("{} of the turns went wrong{own}", troubles.len())).into())
    }

    fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            output::json(&self.to_json())?;
            return Ok(());
        }
        for (mechanism, account) in &self.accounts {
            let Account { turns, operations, bytes, .. } = account;
            say!("{mechanism:24} {turns:5} turns  {operations:14} operations  {bytes:16} bytes compared");
            account.troubles.iter().for_each(|trouble| say!("  FAILED  {}  {}", trouble.cell, trouble.what));
        }
        let sum = |of: fn(&Account) -> u64| self.accounts.values().map(of).sum::<u64>();
        say!(
            "in all {} turns, {} operations, {} bytes compared",
            sum(|a| a.turns),
            sum(|a| a.operations),
            sum(|a| a.bytes)
        );
        if let Some((first, last)) = self.rounds.first().zip(self.rounds.last()) {
            say!("ipcmark itself after {} rounds: {} (after the first {})", self.rounds.len(), held(last), held(first));
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let troubles = |account: &Account| -> Vec<Value> {
            account
                .troubles
                .iter()
                .map(|t| json!({"id": t.cell, "what": t.what, "verification": t.verification}))
                .collect()
        };
        let accounts: Vec<Value> = self
            .accounts
            .iter()
            .map(|(name, a)| {
                json!({"mechanism": name, "turns": a.turns, "operations": a.operations, "bytes": a.bytes,
                    "troubles": troubles(a)})
            })
            .collect();
        let rounds: Vec<Value> = self
            .rounds
            .iter()
            .map(|r| json!({"resident_bytes": r.resident_bytes, "descriptors": r.descriptors, "threads": r.threads}))
            .collect();
        json!({"mechanisms": accounts, "own_footprint_after_rounds": rounds})
    }
}

fn trouble(cell: &Cell, what: String, verification: bool) -> Trouble {
    Trouble { cell: cell.id(), what, verification }
}

/// What a worker and its peers held after the first and after the last order.
#[derive(Default)]
struct Seen {
    first: Option<Footprint>,
    last: Option<Footprint>,
}

impl Seen {
    fn look(&mut self, worker: u32) {
        let Ok(held) = Footprint::of(worker) else { return };
        self.first.get_or_insert_with(|| held.clone());
        self.last = Some(held);
    }

    fn growth(&self) -> Vec<String> {
        self.first.as_ref().zip(self.last.as_ref()).map(|(first, last)| growth(first, last)).unwrap_or_default()
    }
}

fn checked_traffic(
    bench: &Bench,
    cell: &Cell,
    stage: &Stage,
    order: Duration,
    seen: &mut Seen,
) -> Result<Verified, Failure> {
    let mut worker = bench.launcher.open(&cell.spec(stage), 0)?;
    let mut all = Verified { operations: 0, bytes: 0 };
    for _ in 0..ORDERS {
        let verified = worker.verify(u64::MAX >> 1, order)?;
        all.operations += verified.operations;
        all.bytes += verified.bytes;
        // A queue without bounds is as long as its consumer is late; what it was is no longer in use.
        worker.trim()?;
        seen.look(worker.pid());
    }
    worker.quit().map(|()| all)
}

/// What is held at the end beyond what was held before, a phrase each.
fn growth(before: &Footprint, after: &Footprint) -> Vec<String> {
    let mut grown = Vec::new();
    if after.resident_bytes > before.resident_bytes + GROWTH_BYTES {
        grown.push(format!("memory grew from {} to {} KiB", before.resident_bytes >> 10, after.resident_bytes >> 10));
    }
    if after.descriptors > before.descriptors {
        grown.push(format!("open descriptors grew from {} to {}", before.descriptors, after.descriptors));
    }
    if after.threads > before.threads {
        grown.push(format!("threads grew from {} to {}", before.threads, after.threads));
    }
    grown
}

fn held(footprint: &Footprint) -> String {
    let Footprint { resident_bytes, descriptors, threads, .. } = footprint;
    format!("{} KiB, {descriptors} descriptors, {threads} threads", resident_bytes >> 10)
}

/// What bears a name and whose owner is gone, and System V objects of our user.
fn left() -> anyhow::Result<BTreeSet<String>> {
    let leases =
        names::leases().map_err(|why| Stop::new(exit::FAILURE, format!("what is left cannot be seen: {why}")))?;
    let dead = leases.iter().filter(|lease| lease.state == names::State::Dead);
    Ok(dead.map(|lease| lease.path.display().to_string()).chain(system_v()).collect())
}

/// System V objects of ours, as the kernel lists them: which process made one it tells for segments only.
fn system_v() -> BTreeSet<String> {
    let own = nix::unistd::geteuid().as_raw();
    let of = |kind: &'static str| {
        let list = fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default();
        let column = list.lines().next().and_then(|titles| titles.split_whitespace().position(|title| title == "cuid"));
        let fields = list.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let ours = fields.filter(|fields| column.and_then(|c| fields.get(c)).is_some_and(|c| *c == own.to_string()));
        ours.filter_map(|fields| Some(format!("/proc/sysvipc/{kind}: id {}", fields.get(1)?))).collect::<Vec<_>>()
    };
    ["msg", "sem", "shm"].into_iter().flat_map(of).collect()
}
