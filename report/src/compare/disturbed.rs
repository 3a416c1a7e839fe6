//! Whether a cell's launches were disturbed too much for a verdict: by what the machine says of them, never by their times.

use ipcmark_harness::record::LaunchSummary;

use super::verdict::{MOST_FOREIGN, MOST_STOLEN};
use crate::words::figure;

/// What disturbed them, in words; none: nothing above the limits, or the record does not tell.
pub(super) fn by(launches: &[LaunchSummary]) -> Option<String> {
    let sum = |of: fn(&LaunchSummary) -> f64| launches.iter().map(of).sum::<f64>();
    let available = sum(|launch| launch.wall_ns as f64 * f64::from(launch.cpus));
    if available <= 0.0 {
        return None;
    }
    let foreign = sum(|launch| launch.foreign_ns as f64) / available;
    let stolen = sum(|launch| launch.stolen_ns as f64) / available;
    let percent = |share: f64| figure(share * 100.0, 2);
    let foreign = (foreign > MOST_FOREIGN).then(|| format!("other work had {} % of its CPUs", percent(foreign)));
    let stolen = (stolen > MOST_STOLEN).then(|| format!("the hypervisor took {} % of its CPUs", percent(stolen)));
    let both: Vec<String> = foreign.into_iter().chain(stolen).collect();
    (!both.is_empty()).then(|| both.join(", and "))
}
