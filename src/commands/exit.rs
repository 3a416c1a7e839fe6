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
            (FailureKind::Verification, _) => Stop::new(VERIFICATION, failure),
            _ => Stop::new(FAILURE, failure),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}
