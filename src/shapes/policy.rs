//! [`Policy`]: how the kernel chooses when a thread runs.

use std::io;

use crate::mechanism::Shape;
use crate::{contract, workloads};

/// All that is measured of a policy, and all that it promises.
pub const fn policy<P: Policy>() -> Shape {
    Shape { workloads: workloads::policy::<P>(), contract: contract::policy::<P>(), observe: None }
}

/// A policy that a thread can put itself under.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them
/// (`src/contract/policy.rs`):
///
/// - **who_adopts_it_is_under_it**: as the kernel tells afterwards;
/// - **nobody_else_is_put_under_it**: not the other threads of the process.
pub trait Policy: Send + 'static {
    /// Whether every thread is under it at first.
    const USUAL: bool = false;
    /// Whether a thread under it runs only where hardly anybody else wants to.
    const LAST: bool = false;
    /// Whether a thread under it may be kept on one CPU.
    const PINNED: bool = true;

    /// Puts the calling thread under it, which wants to run now and then, at least `period_ns` apart.
    fn adopt(period_ns: u64) -> io::Result<()>;

    /// Whether the calling thread is under it.
    fn is_adopted() -> io::Result<bool>;
}
