//! Interrupts by CPU: each one takes its CPU away from whoever is measured there.

use super::Root;
use super::key::{Key, Reading};
use serde_json::json;

const INTERRUPTS: &str = "/proc/interrupts";

pub(super) const KEYS: &[Key] = &[
    Key::text(
        "interrupts_default_affinity_mask",
        "/proc/irq/default_smp_affinity",
        "CPUs that new interrupts may go to, as a mask in hexadecimal digits",
    ),
    Key::by("interrupts_by_cpu", INTERRUPTS, "interrupts of all kinds that each CPU has served", by_cpu).varying(),
];

/// The first line names the CPUs; below, each line has a count for each of them. Lines with fewer counts (`ERR`, `MIS`)
/// are of no CPU.
fn by_cpu(root: &Root) -> Reading {
    let text = root.read(INTERRUPTS)?;
    let mut lines = text.lines();
    let cpus: Option<Vec<usize>> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|word| word.strip_prefix("CPU")?.parse().ok())
        .collect();
    let cpus =
        cpus.filter(|cpus| !cpus.is_empty()).ok_or_else(|| format!("{INTERRUPTS} does not begin with its CPUs"))?;
    let mut sums = vec![0_u64; cpus.len()];
    for line in lines {
        let counts: Vec<u64> =
            line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).take(cpus.len()).collect();
        if counts.len() == cpus.len() {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        }
    }
    Ok(cpus.iter().zip(sums).map(|(cpu, count)| json!({"cpu": cpu, "count": count})).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_by_cpu_and_lines_of_no_cpu_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("proc")).unwrap();
        let text = "           CPU0       CPU2\n  0:         10          3   IO-APIC   2-edge  timer\n\
                    LOC:       1000       2000   Local timer interrupts\nERR:          7\n";
        std::fs::write(directory.path().join("proc/interrupts"), text).unwrap();
        let found = by_cpu(&Root::new(directory.path())).unwrap();
        assert_eq!(found, json!([{"cpu": 0, "count": 1010}, {"cpu": 2, "count": 2003}]));
    }
}
