//! How time and memory of `show`, `report`, `compare` and `cite` grow with a record: `cargo run --release --example record_growth`, after
//! `cargo build --release`. Each command reads records of 10³, 10⁴ and 10⁵ cells of four shapes: cells of many setups, as a run has
//! them; all in one group; each of a workload of its own; each skipped for a reason of its own. Linear is ten times the time, or less,
//! from one size to the next.
//!
//! The records are made up and no figure in them was measured. They take some 300 MB in a temporary folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ipcmark_harness::record::{Cell, Outcome, Writer};
use ipcmark_report::made_up::Run;
use nix::sys::resource::{UsageWho, getrusage};

/// Smaller ones for a debug build.
const SIZES: [usize; 3] = if cfg!(debug_assertions) { [300, 3_000, 30_000] } else { [1_000, 10_000, 100_000] };
/// Makes a cell, by its place, one of the shape.
type Shape = fn(usize, &mut Cell);
const SHAPES: [(&str, Shape); 4] =
    [("setups", |_, _| {}), ("one group", one_group), ("workloads", workloads), ("reasons", reasons)];
/// Of the child that a command is measured in.
const MEASURE: &str = "measure";

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((first, command)) if first == MEASURE => measure(command),
        _ => all(),
    }
}

fn one_group(place: usize, cell: &mut Cell) {
    cell.id = format!("round-trip/process/same-cpu/block/pipe-{place}/64B");
    cell.mechanism = format!("pipe-{place}");
    (cell.workload, cell.setup) = ("round-trip".into(), serde_json::Map::new());
}

fn workloads(place: usize, cell: &mut Cell) {
    cell.workload = format!("workload-{place}");
}

fn reasons(place: usize, cell: &mut Cell) {
    (cell.outcome, cell.reason) = (Outcome::Skipped, Some(format!("reason {place}")));
    (cell.estimate_ns, cell.interval_ns, cell.per_launch) = (None, None, Vec::new());
}

fn all() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("{:<10} {:>7} {:>7}  command: seconds, MiB", "shape", "cells", "MiB");
    for (name, shape) in SHAPES {
        for cells in SIZES {
            let [a, b] = [0, 1].map(|seed| folder.path().join(format!("{seed}.jsonl")));
            write(&a, cells, 0, shape)?;
            write(&b, cells, 1, shape)?;
            let length = a.metadata()?.len() >> 20;
            print!("{name:<10} {cells:>7} {length:>7}");
            for command in commands(folder.path(), &a, &b) {
                let [seconds, mib] = measured(&command)?;
                print!("  {}: {seconds} {mib}", command[0]);
            }
            println!();
            for path in [a, b] {
                std::fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, cells: usize, seed: u64, shape: Shape) -> io::Result<()> {
    let mut record = Run { cells, seed, launches: 4, ..Run::default() }.record();
    record.cells.iter_mut().enumerate().for_each(|(place, cell)| shape(place, cell));
    record.header.selection.cells = Vec::new();
    let mut writer = Writer::create(path, &record.header).map_err(io::Error::other)?;
    record.cells.iter().try_for_each(|cell| writer.write_cell(cell)).map_err(io::Error::other)
}

fn commands(folder: &Path, a: &Path, b: &Path) -> Vec<Vec<String>> {
    let word = |path: &Path| path.to_string_lossy().into_owned();
    let (a, b, page) = (word(a), word(b), word(&folder.join("page.html")));
    [
        vec!["show", &a],
        vec!["show", &a, "--json"],
        vec!["report", &a, "--out", &page],
        vec!["compare", &a, &b],
        vec!["cite", &a, "no-such-cell"],
    ]
    .map(|command| command.into_iter().map(str::to_owned).collect())
    .into()
}

/// By a child of its own, whose only child is the command: getrusage(2) has the most memory that any of them took.
fn measured(command: &[String]) -> io::Result<[String; 2]> {
    let output = Command::new(std::env::current_exe()?).arg(MEASURE).args(command).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (seconds, mib) = text.trim().split_once(' ').ok_or_else(|| io::Error::other(format!("{command:?}: {text}")))?;
    Ok([seconds.to_owned(), mib.to_owned()])
}

fn measure(command: &[String]) -> io::Result<()> {
    let begun = Instant::now();
    Command::new(program()?).args(command).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let seconds = begun.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    println!("{seconds:.2} {}", usage.max_rss() >> 10);
    Ok(())
}

/// `ipcmark` beside the folder of examples.
fn program() -> io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).ok_or_else(|| io::Error::other("no folder above the examples"))?;
    Ok(folder.join("ipcmark"))
}
