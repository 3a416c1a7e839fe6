//! The machine that a number was taken on, and the conditions it was taken under: what makes the number citable.
//!
//! One registry of [`Key`]s says what is read, from where, and what it means; [`machine`] and [`conditions`] read it
//! through a [`Root`], so that a fixture directory stands for another machine. A fact that cannot be read is kept with
//! its reason. Nothing here writes to the system, needs privileges, or runs a program.
//!
//! The host name is never read as a fact, and is blanked out of the texts that people write it into
//! (`host_name.rs`). The kernel's command line is otherwise kept: it decides mitigations, isolation and timers.
//!
//! The method follows pyperf's metadata collection; the list is what the literature asks a citable number to carry.

mod conditions;
mod cpu;
mod cpu_times;
mod fact;
mod filesystems;
mod host_name;
mod identity;
mod interrupts;
mod ipc_limits;
mod kernel;
mod key;
mod layout;
mod power;
mod process;
mod root;
mod scheduling;
mod virtualization;

pub use cpu_times::{CpuTimes, cpu_times};
pub use fact::{Fact, Facts};
pub use host_name::host_name;
pub use identity::{fingerprint, machine_name};
pub use key::{Key, Kind};
pub(crate) use layout::meminfo_bytes;
pub use root::{READ_LIMIT_BYTES, Root};
pub use scheduling::{Scheduling, not_inherited, parties};

use std::sync::LazyLock;

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [
        cpu::KEYS,
        layout::KEYS,
        virtualization::KEYS,
        kernel::KEYS,
        power::KEYS,
        process::KEYS,
        ipc_limits::KEYS,
        filesystems::KEYS,
        interrupts::KEYS,
        conditions::KEYS,
    ]
    .concat()
});

/// Every fact that is read, grouped by theme: the source of the documentation of records.
pub fn keys() -> &'static [Key] {
    &KEYS
}

/// What the machine is and how it is set up: all keys of [`Kind::Machine`].
pub fn machine(root: &Root) -> Facts {
    read(root, Kind::Machine)
}

/// What changes by itself, as it is now: all keys of [`Kind::Conditions`]. Read it before and after a run.
pub fn conditions(root: &Root) -> Facts {
    read(root, Kind::Conditions)
}

fn read(root: &Root, kind: Kind) -> Facts {
    keys().iter().filter(|key| key.kind == kind).map(|key| (key.name.to_owned(), key.read(root))).collect()
}
