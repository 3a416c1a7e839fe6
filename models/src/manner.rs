//! A party's manner, without the setup that it comes from.

pub(super) use super::sleeper::Sleeper;

/// Whether a party sleeps where there is nothing for it; else it polls.
#[derive(Copy, Clone)]
pub(super) struct Manner {
    pub(super) sleeps: bool,
}

impl Manner {
    pub(super) fn apart(self) -> bool {
        true
    }

    pub(super) fn may_sleep(self) -> bool {
        self.sleeps
    }

    pub(super) fn sleeps_after(self, _: u32) -> bool {
        self.sleeps
    }
}
