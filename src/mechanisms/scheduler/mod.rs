//! What the scheduler makes of threads: by their policies, and of crowds that compute.

mod cpu_bound;
mod policies;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &policies::OTHER,
    &policies::OTHER_ON_TIME,
    &policies::BATCH,
    &policies::IDLE,
    &policies::FIFO,
    &policies::RR,
    &policies::DEADLINE,
    &cpu_bound::MECHANISM,
];
