//! The kernel's notation for sets of CPUs: `0-3,8,10-11`.
//!
//! Source: "List format" in cpuset(7). The stride form (`0-31:2/4`) that the kernel accepts as input is not read here,
//! as it never appears in what the kernel writes.

/// The highest CPU number accepted; the largest `CONFIG_NR_CPUS` is 8192 (arch/x86/Kconfig), so a higher number in a
/// list is damage, and a range up to it would only fill memory.
const HIGHEST_CPU: usize = 65_535;

/// The CPUs of `list`, ascending and without repetition; an empty list is no CPU.
///
/// # Errors
/// Names the part that is not a number or an ascending range of numbers up to 65535.
pub fn parse_cpu_list(list: &str) -> Result<Vec<usize>, String> {
    let mut cpus = Vec::new();
    for part in list.trim().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first <= last && last <= HIGHEST_CPU => cpus.extend(first..=last),
            _ => return Err(format!("`{part}` in the CPU list `{list}` is not a CPU or an ascending range of CPUs")),
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}

/// Writes `cpus` as the kernel does; the order and repetitions of the input do not matter.
pub fn format_cpu_list(cpus: &[usize]) -> String {
    let mut sorted = cpus.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let ranges = sorted.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    ranges.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_and_single_cpus_are_read() {
        assert_eq!(parse_cpu_list("0-3,8,10-11\n"), Ok(vec![0, 1, 2, 3, 8, 10, 11]));
    }

    #[test]
    fn an_empty_list_is_no_cpu() {
        assert_eq!(parse_cpu_list("\n"), Ok(vec![]));
        assert_eq!(format_cpu_list(&[]), "");
    }

    #[test]
    fn damaged_lists_are_refused_with_the_part() {
        for (list, part) in [("0,3-1", "3-1"), ("a", "a"), ("0-", "0-"), ("0-99999999999", "0-99999999999")] {
            let error = parse_cpu_list(list).unwrap_err();
            assert!(error.contains(&format!("`{part}`")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cpus in proptest::collection::btree_set(0_usize..600, 0..80)) {
            let cpus: Vec<usize> = cpus.into_iter().collect();
            prop_assert_eq!(parse_cpu_list(&format_cpu_list(&cpus)), Ok(cpus));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9,\\- a]{0,24}") {
            let _ = parse_cpu_list(&text);
        }
    }
}
