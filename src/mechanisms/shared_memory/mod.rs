//! Memory mapped by both parties.

mod shm_ring;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&shm_ring::MECHANISM];
