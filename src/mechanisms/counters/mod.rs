//! Numbers that several parties raise.

mod atomic;
mod mutex;
mod words;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &atomic::FETCH_ADD,
    &atomic::CAS,
    &mutex::MECHANISM,
    &words::SHARDED,
    &words::APART_8,
    &words::APART_64,
    &words::APART_128,
    &words::APART_256,
];
