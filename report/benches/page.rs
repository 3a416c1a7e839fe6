//! What a page costs: of one machine, and of a hundred with five hundred cells each. Budget of the latter on two CPUs: 3 s for reading
//! and drawing, 15 MiB.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use ipcmark_report::load::load;
use ipcmark_report::made_up::Run;
use ipcmark_report::page::render;

fn page(criterion: &mut Criterion) {
    // `--test` asks whether it runs, in a build that takes minutes for a hundred.
    let most = if std::env::args().any(|argument| argument == "--test") { 3 } else { 100 };
    let mut group = criterion.benchmark_group("page");
    group.sample_size(10);
    for machines in [1, most] {
        let folder = tempfile::tempdir().expect("a folder for the records");
        make_up(machines, folder.path());
        let paths = [folder.path().to_owned()];
        group.bench_function(format!("read-and-draw/{machines}machines"), |bencher| {
            bencher.iter(|| render(&load(&paths)))
        });
        let loaded = load(&paths);
        eprintln!("page of {machines} machines: {} bytes", render(&loaded).len());
        group.bench_function(format!("draw/{machines}machines"), |bencher| bencher.iter(|| render(&loaded)));
    }
}

fn make_up(machines: usize, folder: &Path) {
    for machine in 0..machines {
        let path = folder.join(format!("{machine:03}.jsonl"));
        Run { machine, ..Run::default() }.write(&path).expect("a record");
    }
}

criterion_group!(benches, page);
criterion_main!(benches);
