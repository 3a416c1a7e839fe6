//! What the algorithms stand on: the machine's atomics and the kernel's futex. The model test stands them on loom's instead
//! (`models/`), which tries every order that the memory model allows.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicU32, Ordering};

pub(super) use ipcmark_harness::sys::futex;
