//! [`Once`]: a value that is made when it is first asked for.

use std::io;

use crate::mechanism::{Setup, Shape};
use crate::{contract, workloads};

/// All that is measured of a value that is made once, and all that it promises.
pub const fn once<O: Once>() -> Shape {
    Shape { workloads: workloads::once::<O>(), contract: contract::once::<O>(), observe: None }
}

/// The value: a cache line, so that half of it would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct Whole(pub [u64; 8]);

/// A value that is made by whoever asks for it first, while the others wait.
///
/// Every implementation keeps this contract; the conformance tests try each bullet on each of them (`src/contract/once.rs`):
///
/// - **it_is_made_once**: however many ask for it at first;
/// - **everybody_sees_all_of_it**: who did not make it, too.
pub trait Once: Sized + Send + 'static {
    /// A handle for each party on one value that `make` makes.
    fn handles(setup: &Setup, make: fn() -> Whole) -> io::Result<Vec<Self>>;

    /// The value.
    fn get(&self) -> &Whole;
}
