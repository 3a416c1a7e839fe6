//! Whether anything is slower by more than a limit: yes, no, or not resolved. What was not resolved is never a no.

use ipcmark_harness::estimate::median;
use ipcmark_harness::record::sanitize;

use super::evidence::{self, Evidence};
use super::say::{ratio_text, unmeasured_text};
use super::{Column, Comparison, Entry, Verdict};
use crate::words::{count, figure};

/// The answer, with a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Neither a column as a whole nor any of its cells is slower by more than the limit, each with its whole interval.
    Kept,
    /// Some are, with their whole intervals.
    Exceeded(String),
    /// None is for certain, and of some it is not known.
    Unresolved(String),
}

/// No more launches are proposed: records are what is missing then.
const MOST_LAUNCHES: f64 = 1_000.0;

/// What one column says.
#[derive(Default)]
struct Found<'a> {
    exceeded: Vec<String>,
    open: Vec<String>,
    remedies: Vec<String>,
    /// Cells whose interval reaches beyond the limit.
    wide: Vec<&'a Entry>,
}

impl Comparison {
    /// Whether a column, or a cell of it, takes longer than in the first by more than this share.
    #[must_use]
    pub fn gate(&self, share: f64) -> Gate {
        let columns = (1..self.columns.len()).map(|column| self.gate_of(column, share));
        let found = columns.fold(Found::default(), |mut all, found| {
            all.exceeded.extend(found.exceeded);
            all.open.extend(found.open);
            found.remedies.into_iter().for_each(|remedy| {
                if !all.remedies.contains(&remedy) {
                    all.remedies.push(remedy);
                }
            });
            all
        });
        match (found.exceeded.is_empty(), found.open.is_empty()) {
            (false, _) => Gate::Exceeded(found.exceeded.join("; ")),
            (true, false) => Gate::Unresolved(format!(
                "not resolved whether anything is slower by more than {}: {}; what would resolve it: {}",
                percent(share),
                found.open.join("; "),
                found.remedies.join(", ")
            )),
            (true, true) => Gate::Kept,
        }
    }

    fn gate_of(&self, place: usize, share: f64) -> Found<'_> {
        let column = &self.columns[place];
        let mut found = Found::default();
        if !column.apart_by.is_empty() {
            let apart =
                sanitize(&format!("{} is of another environment ({})", column.label, column.apart_by.join(", ")));
            found.open(apart, "records of one environment, or --treatment with what was changed on purpose");
            return found;
        }
        // What one binary may differ from itself by exceeds no limit.
        let limit = share.max(self.tolerances[place]);
        let entries: Vec<&Entry> = self.rows.iter().filter_map(|row| row.values[place].as_ref()).collect();
        found.whole(column, share, limit);
        found.cells(column, &entries, share, limit);
        found.unmeasured(column);
        let wide = std::mem::take(&mut found.wide);
        found.remedy_for_width(column, &wide, share);
        found
    }
}

impl<'a> Found<'a> {
    fn open(&mut self, what: String, remedy: &str) {
        self.open.push(what);
        self.remedies.push(remedy.into());
    }

    fn whole(&mut self, column: &Column, share: f64, limit: f64) {
        let Some(whole) = &column.whole else { return };
        let Some([low, high]) = whole.ratio.interval else { return };
        let label = sanitize(&column.label);
        if low > 1.0 + limit {
            self.exceeded.push(format!(
                "{label} as a whole is slower by more than {}: × {}",
                percent(limit),
                ratio_text(&whole.ratio)
            ));
        } else if whole.machine_explains && whole.ratio.value > 1.0 + share {
            let machine = whole.machine.map_or(1.0, |machine| machine.value);
            let steps = format!(
                "{label} as a whole × {}, but the machine's own steps took × {}",
                ratio_text(&whole.ratio),
                figure(machine, 3)
            );
            self.open(steps, "runs of both while the machine is the same");
        } else if high > 1.0 + share {
            let remedy = "several records a side (--treatment), as launches of one run share its minutes";
            self.open(format!("{label} as a whole × {}", ratio_text(&whole.ratio)), remedy);
        }
    }

    fn cells(&mut self, column: &Column, entries: &[&'a Entry], share: f64, limit: f64) {
        let quiet: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.disturbed_pair().is_none()).collect();
        let evidence: Vec<Option<Evidence>> = quiet.iter().map(|entry| entry.evidence).collect();
        let sides = evidence::beyond(&evidence, limit);
        let low = |entry: &Entry| entry.ratio.and_then(|ratio| ratio.interval).map_or(0.0, |[low, _]| low);
        let high = |entry: &Entry| entry.ratio.and_then(|ratio| ratio.interval).map_or(f64::INFINITY, |[_, high]| high);
        let slower = |(entry, side): &(&&Entry, Option<bool>)| *side == Some(true) && low(entry) > 1.0 + limit;
        let exceeded: Vec<&Entry> = quiet.iter().zip(sides).filter(slower).map(|(entry, _)| *entry).collect();
        if let Some(first) = exceeded.first() {
            self.exceeded.push(format!(
                "{}slower by more than {}, {} the first of them",
                if exceeded.len() == 1 { "1 cell is ".into() } else { format!("{} cells are ", exceeded.len()) },
                percent(limit),
                sanitize(&first.id)
            ));
        }
        self.wide = quiet.into_iter().filter(|entry| entry.verdict.is_some() && high(entry) > 1.0 + share).collect();
        if let Some(first) = self.wide.first() {
            let ratio = first.ratio.map_or_else(String::new, |ratio| format!(": × {}", ratio_text(&ratio)));
            let label = sanitize(&column.label);
            self.open.push(format!(
                "{label}: {} of {}, {}{ratio}",
                self.wide.len(),
                count(entries.len(), "cell"),
                sanitize(&first.id)
            ));
            if limit > share && self.wide.iter().any(|entry| low(entry) > 1.0 + share) {
                self.remedies.push(format!("a --tolerance of {} (it is {})", percent(share), percent(limit)));
            }
        }
        self.disturbed(column, entries);
    }

    fn disturbed(&mut self, column: &Column, entries: &[&'a Entry]) {
        let disturbed: Vec<&&Entry> = entries.iter().filter(|entry| entry.disturbed_pair().is_some()).collect();
        if let Some(first) = disturbed.first() {
            let why = first.disturbed_pair().unwrap_or("");
            let number = disturbed.len();
            let were =
                if number == 1 { "1 cell was disturbed".into() } else { format!("{number} cells were disturbed") };
            let said = format!("{}: {were}, {}: {why}", column.label, first.id);
            self.open(sanitize(&said), "a run without other work on these CPUs");
        }
    }

    fn unmeasured(&mut self, column: &Column) {
        if let Some(first) = column.unmeasured.first() {
            let said = format!("{}: {}", column.label, unmeasured_text(column.unmeasured.len(), first));
            self.open(sanitize(&said), "runs in which all cells are measured");
        }
    }

    /// How many launches would take half of the cells to one side of the limit, if their times stay as they are; where what two runs
    /// differ by is too much for that, more runs.
    fn remedy_for_width(&mut self, column: &Column, wide: &[&Entry], share: f64) {
        let floor = column.whole.as_ref().map_or(0.0, |whole| whole.common.floor());
        let needed = |entry: &&Entry| {
            let Some(evidence) = entry.evidence else { return f64::INFINITY };
            // From the nearer centre: what the machine may have done is not narrowed by launches.
            let limit = share.ln_1p();
            let distance = (evidence.low_centre - limit).max(limit - evidence.high_centre).max(0.0);
            let launches = f64::from(entry.launches);
            match distance * distance - floor * floor {
                room if room > 0.0 => (launches * entry.own_half_width.powi(2) / room).max(launches + 1.0),
                _ => f64::INFINITY,
            }
        };
        let few: Vec<f64> =
            wide.iter().filter(|entry| entry.own_half_width == 0.0).map(|e| f64::from(e.launches)).collect();
        let needed: Vec<f64> = wide.iter().filter(|entry| entry.own_half_width > 0.0).map(needed).collect();
        if few.iter().any(|launches| *launches < 4.0) {
            self.remedies.push("at least four launches a cell".into());
        }
        match median(&needed) {
            Some(launches) if launches <= MOST_LAUNCHES => self.remedies.push(format!(
                "about {} launches a cell (--launches) for half of these cells, and more for the others",
                figure(launches.ceil(), 2)
            )),
            Some(_) => {
                self.remedies.push("several records a side (--treatment), as these cells lie at the limit".into())
            }
            None => {}
        }
    }
}

impl Entry {
    /// What disturbed either side of its ratio.
    fn disturbed_pair(&self) -> Option<&str> {
        self.disturbed.as_deref().filter(|_| self.verdict == Some(Verdict::Disturbed))
    }
}

fn percent(share: f64) -> String {
    format!("{} %", figure(share * 100.0, 3))
}
