//! Exit codes, and the error that carries one.

use std::fmt;

use ipcmark_harness::control::{Failure, FailureKind};

/// Done.
pub const DONE: i32 = 0;
/// A cell or the program failed.
pub const FAILURE: i32 = 1;
/// The command line asks for something that is not there.
pub const USAGE: i32 = 2;
/// The doctor refused to measure here.
pub const REFUSED: i32 = 3;
/// A cell, or all of them together, is slower than `compare --fail-on` allows.
pub const THRESHOLD: i32 = 4;
/// Records that do not go together.
pub const NOT_COMPARABLE: i32 = 5;
/// What arrived is not what was sent.
pub const VERIFICATION: i32 = 6;

/// What was asked was not resolved: `compare --fail-on`, `experiment`. More launches, or more time, would resolve it.
pub const UNRESOLVED: i32 = 7;

/// Other work on the machine made a count of a cell's own fail in every launch: nothing is wrong, and there is no number.
pub const DISTURBED: i32 = 8;

/// The code for these failures together: wrong before failed before disturbed; none: nothing failed.
pub fn of_all<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> Option<i32> {
    let codes: Vec<i32> = failures.into_iter().map(|failure| code_of(failure.kind)).collect();
    [VERIFICATION, FAILURE, DISTURBED].into_iter().find(|code| codes.contains(code))
}

fn code_of(kind: FailureKind) -> i32 {
    match kind {
        FailureKind::Verification => VERIFICATION,
        FailureKind::Disturbed => DISTURBED,
        _ => FAILURE,
    }
}

/// An error that ends the program with a code of its own.
#[derive(Debug)]
pub struct Stop {
    /// The exit code.
    pub code: i32,
    message: String,
}

impl Stop {
    /// Ends with `code`.
    pub fn new(code: i32, message: impl fmt::Display) -> Stop {
        Stop { code, message: message.to_string() }
    }

    /// The user asked for something that is not there.
    pub fn usage(message: impl fmt::Display) -> Stop {
        Stop::new(USAGE, message)
    }

    /// Ended by a signal: 128 and its number, as shells count.
    pub fn interrupted(signal: i32, message: impl fmt::Display) -> Stop {
        Stop::new(128 + signal, message)
    }

    /// The code that a failed cell ends the program with.
    pub fn of(failure: &Failure) -> Stop {
        match (failure.kind, ipcmark_harness::sys::signals::interruption()) {
            (FailureKind::Interrupted, Some(signal)) => Stop::interrupted(signal, failure),
            _ => Stop::new(code_of(failure.kind), failure),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_outweighs_what_failed_and_that_what_was_disturbed() {
        let failures = [FailureKind::Disturbed, FailureKind::Deadline, FailureKind::Verification];
        let failures = failures.map(|kind| Failure::new(kind, "x"));
        assert_eq!(of_all(&[]), None);
        assert_eq!(of_all(&failures[..1]), Some(DISTURBED));
        assert_eq!(of_all(&failures[..2]), Some(FAILURE));
        assert_eq!(of_all(&failures), Some(VERIFICATION));
        assert_eq!(Stop::of(&failures[0]).code, DISTURBED);
    }
}
