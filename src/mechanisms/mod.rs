//! THE list. Its order is the order of `list`, of tables and of reports.
//!
//! To add a mechanism: copy the file of the most similar one, and add its two lines here. A file that is not in the list
//! fails a test; a static that is not in the list is dead code, which clippy's run in CI refuses.

mod null;
mod pipe;
mod posix_mq;
mod shm_ring;
mod tcp;
mod unix_dgram;
mod unix_seqpacket;
mod unix_stream;

use crate::mechanism::Mechanism;

/// Every mechanism, in report order.
pub static MECHANISMS: &[&Mechanism] = &[
    &null::MECHANISM,
    &pipe::MECHANISM,
    &unix_stream::MECHANISM,
    &unix_dgram::MECHANISM,
    &unix_seqpacket::MECHANISM,
    &tcp::MECHANISM,
    &posix_mq::MECHANISM,
    &shm_ring::MECHANISM,
];

/// The mechanism of this name.
pub fn find(name: &str) -> Option<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_registered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mechanisms");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-"))
            .filter(|stem| stem != "mod")
            .collect();
        let mut names: Vec<&str> = MECHANISMS.iter().map(|m| m.name).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names, "files of src/mechanisms (left) against names in the list (right)");
    }

    #[test]
    fn names_are_words_of_lower_case_letters_digits_and_hyphens() {
        for mechanism in MECHANISMS {
            let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(mechanism.name.chars().all(ok) && mechanism.name.len() < 32, "{}", mechanism.name);
        }
    }

    #[test]
    fn every_mechanism_has_a_summary_references_workloads_and_a_contract() {
        for mechanism in MECHANISMS {
            assert!(!mechanism.summary.is_empty() && !mechanism.summary.ends_with('.'), "{}", mechanism.name);
            assert!(!mechanism.workloads.is_empty() && !mechanism.contract.is_empty(), "{}", mechanism.name);
            assert!(mechanism.family == crate::mechanism::Family::Floor || !mechanism.references.is_empty());
        }
    }
}
