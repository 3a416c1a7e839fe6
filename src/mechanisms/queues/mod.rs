//! Message queues of the kernel.

mod posix_mq;
mod sysv_mq;

use crate::mechanism::{Mechanism, Support};

pub(super) static LIST: &[&Mechanism] = &[&posix_mq::MECHANISM, &sysv_mq::MECHANISM];

/// Whether a message is within the limit that sysctl(8) knows by this name.
fn fits(payload_bytes: usize, name: &str) -> Support {
    match limit(name) {
        Some(most) if payload_bytes > most => {
            Support::Missing(format!("a message of {payload_bytes} bytes exceeds {name}, {most} bytes"))
        }
        _ => Support::Available,
    }
}

/// Its value, where it can be read.
fn limit(name: &str) -> Option<usize> {
    std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()?.trim().parse().ok()
}
