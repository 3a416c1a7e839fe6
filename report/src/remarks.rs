//! What is said of a cell beside its figures: what only some workloads show, and what a single figure would hide.

use ipcmark_harness::record::Cell;

use crate::grouping::distinct;
use crate::subject::fact;
use crate::task_kinds::net_said;
use crate::words::{count, figure, time};

/// Below this share of the planned rate a pace counts as not sustained: an order's last message alone may be late.
const SUSTAINED: f64 = 0.95;
/// So many reasons for measuring again are told.
const MOST_REASONS: usize = 1;

/// In the order of their weight. Words of the record are as they stand there.
#[must_use]
pub fn remarks(cell: &Cell) -> Vec<String> {
    let longest = fact(cell, "longest_wait_ns").map(|ns| format!("longest wait {}", time(ns)));
    let from_sending = fact(cell, "from_sending_p99_ns").map(|ns| format!("p99 from sending {}", time(ns)));
    let fairness = cell.fairness.map(|index| format!("fairness {index:.3}"));
    let all = [modes(cell), unsteady(cell), replaced(cell), fairness, longest, from_sending, lagging(cell), net(cell)];
    all.into_iter().flatten().collect()
}

/// The first 20 ms of a launch, with their interval, where they differ from its steady state beyond both intervals.
#[must_use]
pub fn first_beyond_steady(cell: &Cell) -> Option<(f64, [f64; 2])> {
    let (first, [first_low, first_high]) = cell.first_ns.zip(cell.first_interval_ns)?;
    let [low, high] = cell.interval_ns?;
    (first_low > high || first_high < low).then_some((first, [first_low, first_high]))
}

/// The two values of a bimodal cell.
#[must_use]
pub fn two_modes(cell: &Cell) -> Option<[f64; 2]> {
    <[f64; 2]>::try_from(cell.modes_ns.as_slice()).ok()
}

fn modes(cell: &Cell) -> Option<String> {
    two_modes(cell).map(|[low, high]| format!("{} or {}, by process", time(low), time(high)))
}

fn unsteady(cell: &Cell) -> Option<String> {
    let unsteady = cell.unsteady_launches;
    (unsteady > 0).then(|| format!("{unsteady} of {} reached no steady state", count(cell.launches as usize, "launch")))
}

fn replaced(cell: &Cell) -> Option<String> {
    let reasons = distinct(cell.replaced.iter().map(String::as_str));
    let more = if reasons.len() > MOST_REASONS { ", …" } else { "" };
    let told = reasons.iter().take(MOST_REASONS).copied().collect::<Vec<_>>().join(", ");
    (!reasons.is_empty()).then(|| format!("{} measured again: {told}{more}", count(cell.replaced.len(), "launch")))
}

fn lagging(cell: &Cell) -> Option<String> {
    let (delivered, offered) = fact(cell, "delivered_per_s").zip(fact(cell, "offered_per_s"))?;
    let said = || format!("not sustained: {} of {} messages a second", figure(delivered, 3), figure(offered, 3));
    (delivered < offered * SUSTAINED).then(said)
}

fn net(cell: &Cell) -> Option<String> {
    let (net, overhead) = (net_said(cell)?, fact(cell, "overhead_ns")?);
    Some(format!("net {net}, without a switch {}", time(overhead)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::testing::cell_of_launches;

    fn cell() -> Cell {
        cell_of_launches("pipe", &[6400.0; 12])
    }

    #[test]
    fn modes_unsteady_and_replaced_launches_are_told() {
        let mut cell = cell();
        assert_eq!(remarks(&cell), Vec::<String>::new());
        cell.modes_ns = vec![6400.0, 8400.0];
        cell.unsteady_launches = 2;
        cell.replaced = vec!["stolen 12 % of 0.4 s".into(), "stolen 12 % of 0.4 s".into()];
        assert_eq!(
            remarks(&cell),
            [
                "6.40 µs or 8.40 µs, by process",
                "2 of 12 launches reached no steady state",
                "2 launches measured again: stolen 12 % of 0.4 s"
            ]
        );
    }

    #[test]
    fn first_is_told_where_it_differs_beyond_both_intervals_alone() {
        let mut cell = cell();
        cell.interval_ns = Some([6300.0, 6500.0]);
        assert_eq!(first_beyond_steady(&cell), None);
        (cell.first_ns, cell.first_interval_ns) = (Some(6550.0), Some([6400.0, 6700.0]));
        assert_eq!(first_beyond_steady(&cell), None);
        (cell.first_ns, cell.first_interval_ns) = (Some(5000.0), Some([4900.0, 5100.0]));
        assert_eq!(first_beyond_steady(&cell), Some((5000.0, [4900.0, 5100.0])));
    }

    #[test]
    fn a_net_cost_within_noise_is_not_told_apart_from_none() {
        let mut cell = cell();
        for (launch, net) in cell.per_launch.iter_mut().zip([-900.0, 700.0].repeat(6)) {
            launch.facts.extend([("net_ns".to_owned(), net), ("overhead_ns".to_owned(), 300.0)]);
        }
        let said = remarks(&cell);
        assert!(said[0].starts_with("net not told apart from none (") && said[0].contains("300 ns"), "{said:?}");
    }
}
