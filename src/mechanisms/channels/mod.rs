//! Channels of a library, between threads of one process.

mod crossbeam_channel;
mod crossbeam_queue;
mod end;
mod flume;
mod kanal;
mod parcel;
mod rtrb;
mod std_mpsc;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[
    &std_mpsc::UNBOUNDED,
    &std_mpsc::BOUNDED,
    &std_mpsc::RENDEZVOUS,
    &crossbeam_channel::BOUNDED,
    &crossbeam_channel::RENDEZVOUS,
    &crossbeam_channel::UNBOUNDED,
    &crossbeam_queue::ARRAY,
    &crossbeam_queue::SEGMENTED,
    &flume::MECHANISM,
    &kanal::MECHANISM,
    &rtrb::MESSAGES,
    &rtrb::BYTES,
];
