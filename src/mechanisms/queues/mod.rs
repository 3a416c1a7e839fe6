//! Message queues of the kernel.

mod posix_mq;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&posix_mq::MECHANISM];
