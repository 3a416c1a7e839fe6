//! THE list, by family. Its order is the order of `list`, of tables and of reports.
//!
//! To add a mechanism: copy the file of the most similar one, and name it in its family's `mod.rs`, once as a module and once
//! in the list. A file that is not in the list fails a test; a static that is not in it is dead code, which clippy's run in CI
//! refuses. One file may hold several variants of one mechanism.

mod channels;
mod coordination;
mod counters;
mod crates;
mod floor;
mod mutexes;
mod not_built;
mod notification;
mod pipes;
mod queues;
mod reach_over;
mod readers_writers;
mod shared_memory;
mod sockets;
mod spinlocks;
mod switches;

use crate::mechanism::Mechanism;

static FAMILIES: &[&[&Mechanism]] = &[
    floor::LIST,
    pipes::LIST,
    sockets::LIST,
    queues::LIST,
    shared_memory::LIST,
    reach_over::LIST,
    notification::LIST,
    channels::LIST,
    crates::LIST,
    mutexes::LIST,
    spinlocks::LIST,
    readers_writers::LIST,
    counters::LIST,
    coordination::LIST,
    switches::LIST,
];

/// Every mechanism, in report order.
pub fn all() -> impl Iterator<Item = &'static Mechanism> + Clone {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// The mechanism of this name.
pub fn find(name: &str) -> Option<&'static Mechanism> {
    all().find(|mechanism| mechanism.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_module_of_its_family_and_every_family_is_in_the_list() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mechanisms"));
        let list = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
        for family in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
        {
            let name = family.file_name().unwrap().to_string_lossy().into_owned();
            assert!(list.contains(&format!("{name}::LIST")), "{name} is not in the list");
            let modules = std::fs::read_to_string(family.join("mod.rs")).unwrap();
            for file in std::fs::read_dir(&family).unwrap().map(|entry| entry.unwrap().path()) {
                let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
                assert!(stem == "mod" || modules.contains(&format!("mod {stem};")), "{name}/{stem} is no module");
            }
        }
    }

    #[test]
    fn names_are_unique_words_of_lower_case_letters_digits_and_hyphens() {
        let mut names = BTreeSet::new();
        for mechanism in all() {
            let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(mechanism.name.chars().all(ok) && mechanism.name.len() < 32, "{}", mechanism.name);
            assert!(names.insert(mechanism.name), "{} is there twice", mechanism.name);
        }
    }

    #[test]
    fn every_mechanism_has_a_summary_references_workloads_and_a_contract() {
        for mechanism in all() {
            assert!(!mechanism.summary.is_empty() && !mechanism.summary.ends_with('.'), "{}", mechanism.name);
            assert!(mechanism.workloads().count() > 0 && mechanism.contract().count() > 0, "{}", mechanism.name);
            assert!(mechanism.family == crate::mechanism::Family::Floor || !mechanism.references.is_empty());
        }
    }

    /// A worker is told the mechanism and the workload by name.
    #[test]
    fn no_mechanism_has_two_workloads_of_one_name() {
        for mechanism in all() {
            let mut names = BTreeSet::new();
            assert!(mechanism.workloads().all(|workload| names.insert(workload.name)), "{}", mechanism.name);
        }
    }
}
