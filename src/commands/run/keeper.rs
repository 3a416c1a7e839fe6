//! What a run has written of its cells.

use std::collections::HashMap;

use anyhow::Context;
use ipcmark_harness::grade::Grader;
use ipcmark_harness::record::{self, Writer};

/// Grades cells and writes them; a later line of a cell replaces its earlier one, so only what has changed is written again.
pub(super) struct Keeper {
    pub(super) writer: Option<Writer>,
    pub(super) grader: Grader,
    pub(super) written: HashMap<String, record::Cell>,
}

impl Keeper {
    pub(super) fn keep(&mut self, cell: &mut record::Cell) -> anyhow::Result<()> {
        self.grader.apply(cell);
        if let Some(writer) = self.writer.as_mut().filter(|_| self.written.get(&cell.id) != Some(cell)) {
            writer.write_cell(cell).context("the run ends here; every cell before is kept")?;
            self.written.insert(cell.id.clone(), cell.clone());
        }
        Ok(())
    }

    pub(super) fn keep_all(&mut self, cells: &mut [record::Cell]) -> anyhow::Result<()> {
        cells.iter_mut().try_for_each(|cell| self.keep(cell))
    }
}
