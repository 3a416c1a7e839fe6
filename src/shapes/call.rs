//! [`Call`]: a system call that asks for next to nothing.

use std::io;

use crate::mechanism::Shape;
use crate::{contract, workloads};

/// All that is measured of a system call, and all that it promises.
pub const fn call<C: Call>() -> Shape {
    Shape { workloads: workloads::call::<C>(), contract: contract::call::<C>(), observe: None }
}

/// A way into the kernel and back that asks for next to nothing there.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/call.rs`):
///
/// - **each_call_is_answered**: as only the kernel, or what it has mapped for that, can answer;
/// - **calls_that_were_not_made_show**: in what was answered.
pub trait Call: Sized + 'static {
    /// What is to be called.
    fn open() -> io::Result<Self>;

    /// Calls once.
    fn call(&mut self) -> io::Result<()>;

    /// How many calls were answered rightly so far, by the answers: bytes that were read, a process that is known.
    fn answered(&self) -> u64;
}
