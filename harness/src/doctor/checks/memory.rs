//! Memory that moves or changes its pages by itself.

use super::Verdict;
use crate::doctor::{Exam, Finding};

pub(super) fn huge_pages(exam: &Exam) -> Verdict {
    let choice = exam.text("transparent_huge_pages")?;
    Ok((choice == "always").then(|| {
        let path = exam.source("transparent_huge_pages");
        Finding::flag(
            exam.seen(format_args!("`{choice}`"), "transparent_huge_pages"),
            "some launches get huge pages for their buffers and others none, as memory happens to lie",
        )
        .write(path, "madvise", choice)
    }))
}

pub(super) fn merging(exam: &Exam) -> Verdict {
    let on = exam.value("ksm_running")? == true;
    let path = exam.source("ksm_running");
    Ok(on.then(|| {
        Finding::flag(exam.seen("on", "ksm_running"), "equal pages are merged, and writing to one then faults")
            .write(path, "0", 1)
    }))
}

pub(super) fn numa_balancing(exam: &Exam) -> Verdict {
    if exam.number("numa_nodes_count").is_ok_and(|nodes| nodes < 2.0) {
        return Ok(None);
    }
    let mode = exam.number("numa_balancing")?;
    let path = exam.source("numa_balancing");
    Ok((mode > 0.0).then(|| {
        Finding::flag(
            exam.seen(format_args!("mode {mode}"), "numa_balancing"),
            "pages are unmapped to see who uses them, and moved to where that is",
        )
        .write(path, "0", mode)
    }))
}

pub(super) fn swap(exam: &Exam) -> Verdict {
    let used = exam.latest("swap_used_bytes")?;
    Ok((used > 0.0).then(|| {
        let seen = exam.seen(format_args!("{:.0} MiB in use", used / f64::from(1 << 20)), "swap_used_bytes");
        Finding::flag(seen, "memory was short: pages that a party needs may have to be read from disk first")
            .improve("sudo swapoff -a")
            .restore("sudo swapon -a")
    }))
}
