//! The record: the file that one run leaves, in JSON Lines.
//!
//! The first line is the [`Header`], every further line a [`Cell`], but for the one with which a run that came to its end says how
//! the machine was then ([`After`]), and those with which it went on after it had been interrupted ([`Resumed`]). The file is append-only and each line is handed to
//! the kernel in one write before the next cell starts, so a run that is killed loses at most the line it was writing.
//!
//! - Names end in their unit. Every key is present on every line, `null` where there is no value; only the members of
//!   `quantiles_ns` are left out where the samples do not support them.
//! - Readers ignore keys that they do not know, so keys may be added within one schema version.
//! - Records are untrusted when read ([`Record::read`]): sizes are bounded, bad lines are left out with a warning, and
//!   text goes through [`sanitize`] before it reaches a terminal.
//! - Analysis reads records only, never live objects: it works for mechanisms that no longer exist.

mod after;
mod budget;
mod cell;
pub(crate) mod facts;
mod header;
mod limits;
mod measured;
mod reader;
mod resumed;
mod schema;
mod text;
mod writer;

pub use after::After;
pub use budget::{MEMORY_BASE, MEMORY_PER_BYTE};
pub use cell::{Cell, CpuTimes, Cpus, LaunchSummary, NearFar, Outcome};
pub use facts::Merge;
pub use header::{FrontEnd, Header, Revision, Selection};
pub use limits::{MAX_CELLS, MAX_FILE_BYTES, MAX_FINDINGS, MAX_ITEMS, MAX_LINE_BYTES, MAX_RESUMED, MAX_STRING_BYTES};
pub use measured::{Identity, Launch, LaunchContext, Measurement};
pub use reader::{ReadError, Record, Warning};
pub use resumed::Resumed;
pub use schema::schema;
pub use text::sanitize;
pub use writer::{Repair, WriteError, Writer};

/// The schema that this version writes and reads. It changes when a key changes its meaning or goes away.
pub const SCHEMA: &str = "ipcmark-record/1";
