//! What marks and columns mean, below the tables.

use ipcmark_harness::record::sanitize;
use ipcmark_report::ranking::is_floor;
use ipcmark_report::words::Figures;

use super::Shown;
use super::columns::Column;
use super::groups::Group;
use super::layout::Used;
use super::notes::Notes;

/// One sentence each.
pub(super) fn legend(groups: &[Group<'_>], used: &Used<'_>, notes: &Notes, shown: Shown<'_>) -> Vec<String> {
    if groups.is_empty() {
        return Vec::new();
    }
    let reference = shown.reference.map_or_else(
        || "the fastest".to_owned(),
        |name| format!("{}, where that was measured, else the fastest", sanitize(name)),
    );
    let mut said = vec![format!("ratio: to {reference}"), "=: not told apart from the fastest".to_owned()];
    said.extend(floors(groups));
    said.extend(subjects(groups, used));
    said.extend(notes.lines());
    said
}

/// `null, which does nothing: 0.586 – 0.599 ns in round-trip, stream`.
fn floors(groups: &[Group<'_>]) -> Option<String> {
    let cells = groups.iter().flat_map(|group| &group.rows).map(|row| row.cell).filter(|cell| is_floor(cell));
    let mut cells: Vec<_> = cells.filter(|cell| cell.estimate_ns.is_some()).collect();
    cells.sort_by(|a, b| a.estimate_ns.unwrap_or(0.0).total_cmp(&b.estimate_ns.unwrap_or(0.0)));
    let mut workloads: Vec<&str> = cells.iter().map(|cell| cell.workload.as_str()).collect();
    workloads.sort_unstable();
    workloads.dedup();
    let said = |ns: f64| Figures::new(ns, None);
    let (least, most) = (said(cells.first()?.estimate_ns?), said(cells.last()?.estimate_ns?));
    let span = match least == most {
        true => format!("{} {}", least.value, least.unit),
        false => format!("{} {} – {} {}", least.value, least.unit, most.value, most.unit),
    };
    let mechanism = sanitize(&cells.first()?.mechanism);
    Some(format!("{mechanism}, which does nothing: {span} in {}", sanitize(&workloads.join(", "))))
}

/// Of which workloads the quantiles and the CPU time are of something else than the central value, where these are shown.
fn subjects(groups: &[Group<'_>], used: &Used<'_>) -> Vec<String> {
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for group in groups {
        let subject = group.subject();
        let has = |column: &Column| used.contains(&(group.workload, *column));
        let quantiles = Column::ALL.iter().any(|column| column.is_of_quantile() && has(column)) && subject.differs();
        let cpu = has(&Column::Cpu) && subject.cpu() != Column::Cpu.head();
        let what = [
            quantiles.then(|| format!("p99: {}", subject.quantiles_of)),
            cpu.then(|| format!("CPU/op: {}", subject.cpu_of())),
        ];
        for what in what.into_iter().flatten() {
            let workload = sanitize(group.workload);
            match said.iter_mut().find(|(known, _)| *known == what) {
                Some((_, workloads)) if workloads.contains(&workload) => {}
                Some((_, workloads)) => workloads.push(workload),
                None => said.push((what, vec![workload])),
            }
        }
    }
    said.into_iter().map(|(what, workloads)| format!("{what} in {}", workloads.join(", "))).collect()
}
