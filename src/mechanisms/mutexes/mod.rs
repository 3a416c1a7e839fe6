//! Locks whose waiters sleep, at least after a while.

mod parking_lot;
mod std_mutex;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&std_mutex::MECHANISM, &parking_lot::MUTEX];
