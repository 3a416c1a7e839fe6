//! Locks whose waiters poll.

mod test_and_set;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&test_and_set::PLAIN];
