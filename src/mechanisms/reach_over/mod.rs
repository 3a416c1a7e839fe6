//! One party reaching into what belongs to the other: memory, descriptors.
//!
//! Between processes only: threads have one memory and one table of descriptors, so there is nothing to reach over. The
//! calls work within a process as well, which is how the contract is tried.

mod fd_pass;
mod ledger;
mod memory_file;
mod permission;
mod pidfd_getfd;
mod process_vm;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] =
    &[&process_vm::READ, &process_vm::WRITE, &fd_pass::MECHANISM, &pidfd_getfd::MECHANISM];
