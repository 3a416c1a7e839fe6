//! The way into the kernel and back, by calls that ask for next to nothing there.

mod calls;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] =
    &[&calls::GETPPID, &calls::VDSO_CLOCK, &calls::READ_DEV_ZERO, &calls::WRITE_DEV_NULL];
