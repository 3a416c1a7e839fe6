//! What it takes to read, compare and print two records of 500 cells: under a second is promised.

use criterion::{Criterion, criterion_group, criterion_main};
use ipcmark_report::compare::{Options, Style, compare};
use ipcmark_report::load::{Origin, Source, load};
use ipcmark_report::made_up::Run;

fn two_records(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the records");
    let paths = ["a.jsonl", "b.jsonl"].map(|name| folder.path().join(name));
    for (seed, path) in paths.iter().enumerate() {
        Run { seed: seed as u64, ..Run::default() }.write(path).expect("the records can be written");
    }
    let whole = || {
        let loaded = load(&paths);
        let sources: Vec<&Source> = loaded.sources.iter().collect();
        compare(&sources, &Options::default()).expect("they are comparable").text(Style::Plain, 80).len()
    };
    criterion.bench_function("compare/2 records of 500 cells", |bencher| bencher.iter(whole));
    let loaded = load(&paths);
    let sources: Vec<&Source> = loaded.sources.iter().collect();
    let alone = || compare(&sources, &Options::default()).expect("they are comparable").rows.len();
    criterion.bench_function("compare/without reading and printing", |bencher| bencher.iter(alone));
}

/// Each of a hundred against the first: linear in records and cells.
fn many_records(criterion: &mut Criterion) {
    let source = |seed: u64| Source {
        path: format!("{seed}.jsonl").into(),
        digest: "0".repeat(64),
        origin: Origin::Record,
        record: Run { seed, ..Run::default() }.record(),
    };
    let sources: Vec<Source> = (0..100).map(source).collect();
    let sources: Vec<&Source> = sources.iter().collect();
    let mut group = criterion.benchmark_group("compare");
    group.sample_size(10);
    for count in [10, 100] {
        let whole = || compare(&sources[..count], &Options::default()).expect("they are comparable").rows.len();
        group.bench_function(format!("{count} records of 500 cells"), |bencher| bencher.iter(whole));
    }
    group.finish();
}

criterion_group!(benches, two_records, many_records);
criterion_main!(benches);
