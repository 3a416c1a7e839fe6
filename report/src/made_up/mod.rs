//! Records as if machines had made them: for tests and benchmarks of what reads many. No figure in them was measured.
//!
//! Each comes from a seed: the same seed gives the same record. What one machine measures twice differs by noise between launches
//! alone ([`Run::seed`]); machines differ in processor, kernel, governor and hypervisor, and are faster or slower as a whole and
//! for each mechanism.

mod cells;
mod machines;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ipcmark_harness::record::{Record, Writer};

/// What is to be made up.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Which machine, from 0.
    pub machine: usize,
    /// How many cells.
    pub cells: usize,
    /// Launches of each.
    pub launches: usize,
    /// Of the noise.
    pub seed: u64,
    /// Standard deviation between launches, as a share.
    pub noise: f64,
    /// All cells of the mechanism `pipe` take so many times longer.
    pub pipe_times: f64,
}

impl Default for Run {
    fn default() -> Run {
        Run { machine: 0, cells: 500, launches: 10, seed: 0, noise: 0.02, pipe_times: 1.0 }
    }
}

impl Run {
    /// The record, in memory.
    ///
    /// # Panics
    /// If the harness's header no longer reads what stands in `machines.rs`.
    #[must_use]
    pub fn record(&self) -> Record {
        let mut record = machines::record(self.machine, self.seed);
        record.cells = cells::cells(self);
        record.header.selection.launches = self.launches as u32;
        record.header.selection.cells = record.cells.iter().map(|cell| cell.id.clone()).collect();
        record
    }

    /// The record as a file; it must not exist.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let record = self.record();
        let mut writer = Writer::create(path, &record.header).map_err(io::Error::other)?;
        record.cells.iter().try_for_each(|cell| writer.write_cell(cell)).map_err(io::Error::other)
    }
}

/// A record of so many cells for each of so many machines, in `folder`.
///
/// # Errors
/// If they cannot be written.
pub fn folder(folder: &Path, machines: usize, cells: usize) -> io::Result<Vec<PathBuf>> {
    let path = |machine: usize| folder.join(format!("machine-{machine:03}/2026-01-31-0a1b2c3.jsonl"));
    (0..machines)
        .map(|machine| {
            let path = path(machine);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            Run { machine, cells, ..Run::default() }.write(&path)?;
            Ok(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_is_read_back_without_a_warning_and_has_the_cells_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let paths = folder(place.path(), 2, 500).unwrap();
        for path in paths {
            let (record, warnings) = Record::read(&path).unwrap();
            assert!(warnings.is_empty(), "{warnings:?}");
            assert_eq!(record.cells.len(), 500);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_record() {
        let run = Run { cells: 40, ..Run::default() };
        assert_eq!(run.record(), run.record());
        assert_ne!(run.record(), Run { seed: 1, ..run }.record());
    }
}
