//! Launches in which a count of the cell's own differed as other work makes it differ: they are measured again, a few times.

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::sampling::Effort;

use super::{Job, Slot};

/// How many launches of a cell are measured again for it, whatever time is left: noise that lasts as long as these lasts longer.
pub(super) const MOST_RETRIES: usize = 3;

impl Job {
    /// As [`Job::launch`]; a disturbed launch is left to be measured again, up to [`MOST_RETRIES`] times.
    pub(super) fn launch_again_if_disturbed(
        &mut self,
        launcher: &Launcher,
        effort: &Effort,
        slot: Slot,
    ) -> Result<bool, Failure> {
        match self.launch(launcher, effort, slot) {
            Err(failure) if failure.kind == FailureKind::Disturbed && self.retries < MOST_RETRIES => {
                self.retries += 1;
                self.replaced.push(slot.why_replaced(&failure.reason));
                Ok(false)
            }
            result => result,
        }
    }
}
