//! The same on real runs: all pairs of the records of one machine, as they are, and with some cells of the second slowed.
//!
//! ```text
//! IPCMARK_RECORDS=folder cargo test -p ipcmark-report --release -- real_runs --ignored --nocapture
//! ```

use super::called;
use crate::compare::{Gate, Options, Verdict, compare};
use crate::load::{Origin, Source, load};

type Slowed = (&'static str, fn(&str) -> bool, f64);

const SLOWED: [Slowed; 7] = [
    ("nothing", |_| false, 1.0),
    ("pipe", |id| id.contains("/pipe/"), 1.10),
    ("pipe", |id| id.contains("/pipe/"), 1.34),
    ("cells on one CPU", |id| id.contains("/same-cpu/"), 1.10),
    ("all cells", |_| true, 1.05),
    ("all cells", |_| true, 1.10),
    ("all cells", |_| true, 3.0),
];

/// What all pairs came to.
#[derive(Default)]
struct Counts {
    pairs: usize,
    slowed: usize,
    found: usize,
    others: usize,
    wrong: usize,
    whole_called: usize,
    exceeded: usize,
    unresolved: usize,
}

#[test]
#[ignore = "needs IPCMARK_RECORDS: a folder of records of equal runs on one machine"]
fn real_runs() {
    let folder = std::env::var_os("IPCMARK_RECORDS").expect("IPCMARK_RECORDS names a folder of records");
    let loaded = load(&[folder.into()]);
    let sources: Vec<Source> = loaded.sources.into_iter().filter(|source| source.origin == Origin::Record).collect();
    println!("\n{} records, all pairs.\n", sources.len());
    println!("| slowed | slowed cells called slower | others called | the whole called | `--fail-on 10%`: 4 / 7 / 0 |");
    println!("|---|---|---|---|---|");
    for slowed in SLOWED {
        let counts = counts(&sources, slowed);
        let kept = counts.pairs - counts.exceeded - counts.unresolved;
        println!(
            "| {} × {:.2} | {} of {} | {} of {} | {} of {} | {} / {} / {kept} |",
            slowed.0,
            slowed.2,
            counts.found,
            counts.slowed,
            counts.wrong,
            counts.others,
            counts.whole_called,
            counts.pairs,
            counts.exceeded,
            counts.unresolved
        );
    }
}

fn counts(sources: &[Source], slowed: Slowed) -> Counts {
    let mut counts = Counts::default();
    for (place, second) in sources.iter().enumerate() {
        let second = slow(second, slowed);
        for first in &sources[..place] {
            count(first, &second, slowed, &mut counts);
        }
    }
    counts
}

fn slow(source: &Source, (_, which, factor): Slowed) -> Source {
    let mut source = source.clone();
    let cells = source.record.cells.iter_mut().filter(|cell| which(&cell.id));
    cells.flat_map(|cell| &mut cell.per_launch).for_each(|launch| launch.estimate_ns *= factor);
    source
}

fn count(first: &Source, second: &Source, (_, which, _): Slowed, counts: &mut Counts) {
    let found = compare(&[first, second], &Options::default()).expect("runs of one machine have cells in common");
    for entry in found.rows.iter().filter_map(|row| row.values[1].as_ref()) {
        if which(&entry.id) {
            counts.slowed += 1;
            counts.found += usize::from(entry.verdict == Some(Verdict::Slower));
        } else {
            counts.others += 1;
            counts.wrong += usize::from(called(entry.verdict));
        }
    }
    counts.pairs += 1;
    counts.whole_called += usize::from(called(found.columns[1].whole.as_ref().map(|whole| whole.verdict)));
    match found.gate(0.10) {
        Gate::Exceeded(_) => counts.exceeded += 1,
        Gate::Unresolved(_) => counts.unresolved += 1,
        Gate::Kept => {}
    }
}
