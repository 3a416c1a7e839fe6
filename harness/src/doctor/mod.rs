//! The doctor: judges whether the machine, as it is now, gives numbers that can be cited.
//!
//! An [`Exam`] holds all that was read and measured; each check of [`CHECKS`] is a pure function over it, so that fixture trees of
//! other machines test them. Nothing is changed here: findings *name* the commands that would.
//!
//! The list follows pyperf's `system` and `check`, rebar's and Krun's habits, and the kernel's own documentation
//! (Documentation/admin-guide: pm, sysctl, kernel-per-CPU-kthreads; Documentation/timers/no_hz.rst).

mod checks;
mod exam;
mod finding;
pub mod probe;

pub use checks::{CHECKS, Check};
pub use exam::{Exam, Later, Request};
pub use finding::{Finding, Severity};

/// Every finding, the gravest first, each kind in the order of [`CHECKS`]. What could not be checked is one note with the reasons.
#[must_use]
pub fn examine(exam: &Exam) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unchecked: Vec<(String, Vec<&str>)> = Vec::new();
    for check in CHECKS {
        match (check.judge)(exam) {
            Ok(Some(finding)) => findings.push(Finding { id: check.id.to_owned(), ..finding }),
            Ok(None) => {}
            Err(why) => match unchecked.iter_mut().find(|(known, _)| *known == why) {
                Some((_, ids)) => ids.push(check.id),
                None => unchecked.push((why, vec![check.id])),
            },
        }
    }
    if !unchecked.is_empty() {
        let seen: Vec<String> = unchecked.iter().map(|(why, ids)| format!("{}: {why}", ids.join(", "))).collect();
        let why = "these things may move numbers here, and nobody can see";
        findings.push(Finding { id: "not-checked".to_owned(), ..Finding::note(seen.join("; "), why) });
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// What differs between the findings before a run and after it, a sentence each.
#[must_use]
pub fn changes(before: &[Finding], after: &[Finding]) -> Vec<String> {
    let of = |findings: &[Finding], id: &str| findings.iter().find(|finding| finding.id == id).cloned();
    let graver = |finding: &&Finding| finding.severity != Severity::Note;
    let came = after.iter().filter(graver).filter_map(|finding| match of(before, &finding.id) {
        None => Some(format!("{}: {}; not so before", finding.id, finding.seen)),
        Some(then) if then.severity > finding.severity => {
            Some(format!("{}: {}; before: {}", finding.id, finding.seen, then.seen))
        }
        Some(_) => None,
    });
    let went = before.iter().filter(graver).filter(|finding| of(after, &finding.id).is_none());
    came.chain(went.map(|finding| format!("{}: no longer; before: {}", finding.id, finding.seen))).collect()
}
