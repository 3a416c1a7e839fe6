//! Which machine it is: a fingerprint to tell equal from different, and a name for people and directories.
//!
//! Both come from the kind of machine alone; neither says whose it is.

use super::{Facts, keys};
use std::fmt::Write;

/// The longest name given to a machine, in bytes; a file name may have 255 and carries more than this.
const LONGEST_NAME_BYTES: usize = 80;

/// Sixteen hexadecimal digits over the facts that make a machine the same one: its identity keys, missing ones as
/// missing. Two machines of one kind with one kernel have one fingerprint, and numbers to be compared freely.
pub fn fingerprint(facts: &Facts) -> String {
    let mut text = String::new();
    for key in keys().iter().filter(|key| key.identity) {
        let value = facts.get(key.name).and_then(|fact| fact.value());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}={}", key.name, value.map_or("?".to_owned(), ToString::to_string));
    }
    format!("{:016x}", fnv_1a_64(text.as_bytes()))
}

/// A name for a directory, as `intel-xeon-processor-2cpu-kvm`: processor, online CPUs and, if there is one, hypervisor,
/// in lower case letters, digits and hyphens. Never the host name. Not unique: that is what the fingerprint is for.
pub fn machine_name(facts: &Facts) -> String {
    let text = |name: &str| facts.get(name).and_then(|fact| fact.text());
    let mut parts = vec![processor(text("cpu_model_name").unwrap_or("unknown-cpu"))];
    let count = facts.get("cpus_online_count").and_then(|fact| fact.value()?.as_u64());
    parts.extend(count.map(|count| format!("{count}cpu")));
    parts.extend(text("hypervisor").filter(|name| *name != "none").map(str::to_owned));
    slug(&parts.join("-"))
}

/// The model name without trade marks, the word CPU, and the nominal frequency.
fn processor(model: &str) -> String {
    let model = model.split(" @ ").next().unwrap_or_default();
    let bare = ["(R)", "(r)", "(TM)", "(tm)"].iter().fold(model.to_owned(), |text, mark| text.replace(mark, " "));
    let mut name = slug(&bare.split_whitespace().filter(|word| *word != "CPU").collect::<Vec<_>>().join("-"));
    // Leaves room for count and hypervisor.
    name.truncate(LONGEST_NAME_BYTES - 24);
    if name.is_empty() { "unknown-cpu".to_owned() } else { name }
}

fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(LONGEST_NAME_BYTES);
    slug.trim_matches('-').to_owned()
}

/// FNV-1a, 64 bits (draft-eastlake-fnv). Written out because the hashers of the standard library may change between
/// versions, and fingerprints stand in published records; it guards against nothing but chance.
fn fnv_1a_64(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Fact;
    use proptest::prelude::*;
    use serde_json::json;

    fn facts(model: &str, hypervisor: &str) -> Facts {
        let known = |value| Fact::from_reading("/x", Ok(value));
        [("cpu_model_name", json!(model)), ("cpus_online_count", json!(2)), ("hypervisor", json!(hypervisor))]
            .map(|(name, value)| (name.to_owned(), known(value)))
            .into()
    }

    #[test]
    fn fnv_matches_its_published_vectors() {
        // The test vectors of draft-eastlake-fnv, appendix C.
        assert_eq!(fnv_1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_name_has_processor_count_and_hypervisor() {
        assert_eq!(machine_name(&facts("Intel(R) Xeon(R) Processor", "kvm")), "intel-xeon-processor-2cpu-kvm");
        let name = machine_name(&facts("Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz", "none"));
        assert_eq!(name, "intel-xeon-gold-6338-2cpu");
    }

    #[test]
    fn a_machine_without_facts_has_a_name_too() {
        assert_eq!(machine_name(&Facts::new()), "unknown-cpu");
    }

    #[test]
    fn the_fingerprint_follows_identity_and_nothing_else() {
        let mut same = facts("Intel(R) Xeon(R) Processor", "kvm");
        let before = fingerprint(&same);
        same.insert("load_average_1min".to_owned(), Fact::from_reading("/x", Ok(json!(9.0))));
        assert_eq!(fingerprint(&same), before);
        assert_ne!(fingerprint(&facts("Intel(R) Xeon(R) Processor", "none")), before);
        assert_eq!(before.len(), 16);
    }

    proptest! {
        #[test]
        fn any_model_makes_a_safe_directory_name(model in ".{0,200}", hypervisor in ".{0,200}") {
            let name = machine_name(&facts(&model, &hypervisor));
            let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            prop_assert!(!name.is_empty() && name.len() <= LONGEST_NAME_BYTES && name.chars().all(safe), "{}", name);
        }
    }
}
