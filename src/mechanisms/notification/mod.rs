//! Nothing but the message that there is news.

mod eventfd;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&eventfd::MECHANISM];
