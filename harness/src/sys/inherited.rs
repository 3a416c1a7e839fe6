//! What a process inherits over execve(2) besides arguments, environment and descriptors 0 to 2: what is reset, what is kept on
//! purpose. [`SIGNALS`] and [`OTHERS`] are the whole list; SECURITY.md has it as a table, which a test compares with them.
//!
//! Front ends (the program, criterion's) and workers both start with [`settle`], before anything else runs.
#![allow(unsafe_code)] // sigaction(2), prctl(2), umask(2), close_range(2)

use std::fmt;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};

use super::signals::is_ignored;

/// What this process is to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It starts workers and talks to the user.
    FrontEnd,
    /// It measures.
    Worker,
}

/// What becomes of a signal that the parent ignored: of all actions only that one is inherited.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It stays ignored, and no handler is installed for it.
    Kept,
    /// It has its default action again, until the program installs a handler.
    Default,
    /// It is ignored, whatever was inherited.
    Ignored,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Kept => "kept",
            Action::Default => "reset to default",
            Action::Ignored => "ignored always",
        })
    }
}

/// Signals that are treated alike.
#[derive(Debug)]
pub struct SignalRow {
    /// Which; none: all that have no row of their own, real-time signals included.
    pub signals: &'static [Signal],
    /// In a front end.
    pub front_end: Action,
    /// In a worker and its peers.
    pub worker: Action,
    /// Why.
    pub why: &'static str,
}

/// What becomes of ignored signals; the last row is for all others.
pub const SIGNALS: &[SignalRow] = &[
    SignalRow {
        signals: &[Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT],
        front_end: Action::Kept,
        worker: Action::Kept,
        why: "nohup(1), and background jobs of a shell without job control",
    },
    SignalRow {
        signals: &[Signal::SIGCHLD],
        front_end: Action::Default,
        worker: Action::Default,
        why: "where it is ignored, waitpid(2) says ECHILD of every child",
    },
    SignalRow {
        signals: &[Signal::SIGPIPE],
        front_end: Action::Ignored,
        worker: Action::Ignored,
        why: "EPIPE is an error to handle: lost standard output ends the program by SIGPIPE, lost standard error does not",
    },
    SignalRow {
        signals: &[Signal::SIGXFSZ],
        front_end: Action::Ignored,
        worker: Action::Ignored,
        why: "a file at RLIMIT_FSIZE is an error of write(2), EFBIG",
    },
    SignalRow {
        signals: &[Signal::SIGTTIN, Signal::SIGTTOU],
        front_end: Action::Kept,
        worker: Action::Ignored,
        why: "a worker has a process group of its own, and the terminal must not stop it",
    },
    SignalRow {
        signals: &[],
        front_end: Action::Kept,
        worker: Action::Default,
        why: "front ends use none of them; mechanisms do, and the kernel discards ignored signals even where a thread waits for them",
    },
];

/// State that is no signal.
#[derive(Debug)]
pub struct OtherRow {
    /// Which.
    pub what: &'static str,
    /// In a front end.
    pub front_end: &'static str,
    /// In a worker and its peers.
    pub worker: &'static str,
    /// Why.
    pub why: &'static str,
}

/// What becomes of everything else.
pub const OTHERS: &[OtherRow] = &[
    OtherRow {
        what: "blocked signals",
        front_end: "unblocked",
        worker: "unblocked",
        why: "a blocked SIGTERM or SIGCHLD would never arrive",
    },
    OtherRow {
        what: "RLIMIT_STACK",
        front_end: "soft limit 8 MiB, or the hard limit; below 2 MiB the program says so and ends",
        worker: "the same",
        why: "as much as threads get is needed; without a limit the kernel lays out memory in another way",
    },
    OtherRow {
        what: "RLIMIT_CPU",
        front_end: "kept; SIGXCPU interrupts a run, which keeps what it has",
        worker: "kept",
        why: "set on purpose",
    },
    OtherRow {
        what: "all other limits (AS, CORE, DATA, FSIZE, MEMLOCK, MSGQUEUE, NOFILE, NPROC, RTPRIO, RTTIME, …)",
        front_end: "kept",
        worker: "kept",
        why: "set on purpose; what meets one names it",
    },
    OtherRow {
        what: "umask",
        front_end: "kept",
        worker: "077",
        why: "records have the mode the user wants; kernel objects are for their owner only",
    },
    OtherRow {
        what: "session, process group, terminal",
        front_end: "kept",
        worker: "a process group of its own; /dev/null as standard output",
        why: "Ctrl-C is for the front end, and one kill(2) reaches a worker with its peers",
    },
    OtherRow {
        what: "descriptors from 3 on",
        front_end: "kept",
        worker: "closed",
        why: "a worker must not keep the pipes and locks of other programs open",
    },
    OtherRow {
        what: "standard input, output or error that is closed",
        front_end: "/dev/null",
        worker: "/dev/null",
        why: "the next file that is opened would take its number",
    },
    OtherRow {
        what: "a disabled time-stamp counter (PR_SET_TSC)",
        front_end: "enabled; where that is refused, the program says so and ends",
        worker: "the same",
        why: "each reading of a clock would end in SIGSEGV, those of the vDSO too",
    },
    OtherRow {
        what: "timers of alarm(2) and setitimer(2)",
        front_end: "kept",
        worker: "none (fork(2))",
        why: "a time limit that the parent set",
    },
    OtherRow {
        what: "nice value, scheduling policy, CPU affinity, timer slack, control group, seccomp filters",
        front_end: "kept, and recorded",
        worker: "kept",
        why: "conditions of the measurement",
    },
];

/// What a stack should be able to grow to, in bytes: Linux' own default.
const STACK_BYTES: u64 = 8 << 20;
/// What it must be able to grow to, in bytes: what the standard library gives a thread, on which peers run as well.
const STACK_BYTES_NEEDED: u64 = 2 << 20;

/// Brings what was inherited into the state that the tables name. The first call of `main`.
///
/// # Errors
/// A sentence, where this process cannot work as it was started.
pub fn settle(role: Role) -> Result<(), String> {
    enable_tsc()?;
    raise_stack_limit()?;
    for number in 1..=libc::SIGRTMAX() {
        set_action(number, action(number, role));
    }
    // Setting a mask from constants cannot fail.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    if role == Role::Worker {
        // SAFETY: the call takes a number. Not by nix, which panics where a sandbox refuses it.
        unsafe { libc::umask(0o077) };
        close_descriptors_from_3();
    }
    Ok(())
}

fn action(number: i32, role: Role) -> Action {
    let has = |row: &&SignalRow| row.signals.is_empty() || row.signals.iter().any(|&signal| signal as i32 == number);
    let row = SIGNALS.iter().find(has);
    row.map_or(Action::Kept, |row| if role == Role::Worker { row.worker } else { row.front_end })
}

/// Of inherited actions only "ignored" is changed: handlers are this program's own, such as the standard library's for SIGSEGV.
fn set_action(number: i32, action: Action) {
    let handler = match action {
        Action::Ignored => SigHandler::SigIgn,
        Action::Default if is_ignored(number) => SigHandler::SigDfl,
        Action::Default | Action::Kept => return,
    };
    match Signal::try_from(number) {
        Ok(signal) => {
            let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
            // SAFETY: neither action runs code of ours. No signal of the tables can be refused.
            let _ = unsafe { sigaction(signal, &action) };
        }
        // SAFETY: as above; a real-time signal, or one of the C library's own, which it refuses.
        Err(_) => drop(unsafe { libc::signal(number, libc::SIG_DFL) }),
    }
}

/// The limit on the main thread's stack counts at each page fault, so that a raised one helps at once; children inherit it.
fn raise_stack_limit() -> Result<(), String> {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_STACK) else { return Ok(()) };
    let wanted = hard.min(STACK_BYTES);
    if soft != wanted {
        // Within the hard limit no privilege is needed; where it is refused all the same, the old limit stands.
        let _ = setrlimit(Resource::RLIMIT_STACK, wanted, hard);
    }
    let allowed = getrlimit(Resource::RLIMIT_STACK).map_or(soft, |(soft, _)| soft);
    if allowed >= STACK_BYTES_NEEDED {
        return Ok(());
    }
    let (allowed, needed, usual) = (allowed >> 10, STACK_BYTES_NEEDED >> 10, STACK_BYTES >> 10);
    Err(format!(
        "RLIMIT_STACK allows a stack of {allowed} KiB and {needed} KiB are needed: raise it with `ulimit -s {usual}`, in a shell whose \
         hard limit allows that"
    ))
}

/// `prctl(PR_SET_TSC, PR_TSC_ENABLE)`.
#[cfg(target_arch = "x86_64")]
fn enable_tsc() -> Result<(), String> {
    // SAFETY: the call takes a number.
    let enabled = Errno::result(unsafe { libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_ENABLE) });
    let Err(errno) = enabled else { return Ok(()) };
    let mut state = libc::PR_TSC_ENABLE;
    // SAFETY: the call writes one int, to a live one.
    let asked = Errno::result(unsafe { libc::prctl(libc::PR_GET_TSC, &raw mut state) });
    if asked.is_ok() && state != libc::PR_TSC_ENABLE {
        return Err(format!(
            "the time-stamp counter is disabled for this process (PR_SET_TSC), and enabling it was refused: prctl: {errno}; start \
             ipcmark from a process that does not disable it"
        ));
    }
    // A sandbox that refuses prctl(2) as a whole has not disabled the counter by that.
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
fn enable_tsc() -> Result<(), String> {
    Ok(())
}

/// `close_range(2)`, Linux 5.9; where there is none, or it is refused, they stay open, as harmless as in the front end.
fn close_descriptors_from_3() {
    // SAFETY: a worker calls this first, so that nothing in this process owns a descriptor from 3 on yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As SECURITY.md has it.
    fn lines() -> Vec<String> {
        let line = |what: &str, front_end: &str, worker: &str, why: &str| {
            format!("| {what} | {front_end} | {worker} | {why} |")
        };
        let names = |row: &SignalRow| row.signals.iter().map(|signal| signal.as_str()).collect::<Vec<_>>().join(", ");
        let ignored = |row: &SignalRow| match row.signals {
            [] => "ignored: any other signal".to_owned(),
            _ => format!("ignored: {}", names(row)),
        };
        let signals =
            SIGNALS.iter().map(|row| line(&ignored(row), &row.front_end.to_string(), &row.worker.to_string(), row.why));
        signals.chain(OTHERS.iter().map(|row| line(row.what, row.front_end, row.worker, row.why))).collect()
    }

    #[test]
    fn the_table_in_security_md_is_the_one_that_is_followed() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../SECURITY.md")).unwrap();
        let header = "| inherited | front end | worker | why |\n| --- | --- | --- | --- |\n";
        let wanted = format!("{header}{}\n", lines().join("\n"));
        assert!(page.contains(&wanted), "SECURITY.md should have:\n{wanted}");
    }

    #[test]
    fn every_signal_has_one_row_and_the_row_for_all_others_is_the_last() {
        let named: Vec<Signal> = SIGNALS.iter().flat_map(|row| row.signals).copied().collect();
        assert_eq!(named.iter().collect::<std::collections::BTreeSet<_>>().len(), named.len());
        assert_eq!(SIGNALS.iter().position(|row| row.signals.is_empty()), Some(SIGNALS.len() - 1));
        assert_eq!(action(libc::SIGRTMAX(), Role::Worker), Action::Default);
        assert_eq!(action(libc::SIGHUP, Role::FrontEnd), Action::Kept);
    }
}
