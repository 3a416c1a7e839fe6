//! Nothing.

mod null;

use crate::mechanism::Mechanism;

pub(super) static LIST: &[&Mechanism] = &[&null::MECHANISM];
