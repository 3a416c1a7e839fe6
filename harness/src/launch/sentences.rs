//! What went wrong with a worker, in words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::signal::Signal;

use super::Program;
use crate::control::{Failure, FailureKind, Reply};
use crate::sys::process::limit_on_processes;

/// Which limit stands in the way, what it allows, and how to move it.
pub(super) fn advice(error: &io::Error, program: &Program) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return program.advice_where_not_found();
    }
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => {
            let allowed = getrlimit(Resource::RLIMIT_NOFILE);
            let allowed = allowed.map_or_else(|_| "an unknown number".into(), |(soft, _)| soft.to_string());
            format!("; RLIMIT_NOFILE allows {allowed}, raise it with `ulimit -n`")
        }
        Some(Errno::EAGAIN) => limit_on_processes(),
        _ => String::new(),
    }
}

/// How a process ended, after its name.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = Signal::try_from(signal).map_or(String::new(), |s| format!(" ({s})"));
            format!("was killed by signal {signal}{name}{}", limit_behind(signal))
        }
        (None, Some(code)) => format!("left with exit code {code} without a word"),
        (None, None) => "ended in an unknown way".into(),
    }
}

/// A limit that the kernel enforces by this signal; a clause that starts with `; `.
fn limit_behind(signal: i32) -> String {
    let limit = |resource| getrlimit(resource).map_or(RLIM_INFINITY, |(soft, _)| soft);
    match Signal::try_from(signal) {
        Ok(Signal::SIGXCPU) => {
            let seconds = limit(Resource::RLIMIT_CPU);
            format!("; RLIMIT_CPU allows {seconds} s of CPU time, raise it with `ulimit -t`")
        }
        Ok(Signal::SIGSEGV) if limit(Resource::RLIMIT_AS) != RLIM_INFINITY => {
            let bytes = limit(Resource::RLIMIT_AS);
            format!(
                "; a stack that has no memory to grow ends so, and RLIMIT_AS allows {bytes} bytes, raise it with `ulimit -v`"
            )
        }
        _ => String::new(),
    }
}

/// Names the kind of reply: its contents may be a histogram.
pub(super) fn out_of_turn(reply: &Reply) -> Failure {
    let text = format!("{reply:?}");
    let kind = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    Failure::new(FailureKind::Worker, format!("the worker answered out of turn, with `{kind}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_out_of_turn_is_named_without_its_contents() {
        let failure = out_of_turn(&Reply::Answer("x".repeat(100_000).into()));
        assert_eq!(failure.reason, "the worker answered out of turn, with `Answer`");
        assert!(out_of_turn(&Reply::Gone).reason.ends_with("`Gone`"));
    }

    #[test]
    fn a_program_that_is_gone_says_nothing_of_proc() {
        let not_found = io::Error::from(io::ErrorKind::NotFound);
        assert!(advice(&not_found, &Program::this()).contains("is /proc mounted?"));
        let other = advice(&not_found, &Program::parse("/bin/sh".as_ref()).unwrap());
        assert!(other.contains("removed") && !other.contains("/proc"), "{other}");
    }
}
