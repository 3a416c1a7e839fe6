//! Locks whose waiters poll.

mod algorithms;
mod ground;
mod in_shared;
mod pthread;
mod spin_crate;
mod test_and_set;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &test_and_set::PLAIN,
    &test_and_set::LOOKING,
    &test_and_set::BACKING_OFF,
    &test_and_set::YIELDING,
    &in_shared::TICKET,
    &in_shared::MCS,
    &in_shared::CLH,
    &pthread::PRIVATE,
    &pthread::SHARED,
    &spin_crate::MUTEX,
    &spin_crate::TICKET_MUTEX,
    &in_shared::SPIN_THEN_PARK,
];
