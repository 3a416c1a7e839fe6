//! Memory by its pages, and by the kind of mapping that two parties share: what touching it costs.

mod after_fork;
mod pages;
mod shared;

use crate::mechanism::{Mechanism, Support};
use crate::shapes::{Region, as_many_faults, faults_of, touch};

pub(super) use pages::{Base, Transparent, transparent};

pub(super) static LIST: &[&Mechanism] = &[
    &pages::BASE,
    &pages::TRANSPARENT,
    &pages::HUGE,
    &shared::ANONYMOUS,
    &shared::POPULATED,
    &shared::HUGE,
    &shared::MEMFD,
    &shared::POSIX,
    &shared::SYSV,
    &after_fork::SMALL,
    &after_fork::HUGE,
];

/// Tries it on one page, which must be one.
fn support<R: Region>() -> Support {
    let tried = || {
        let page_bytes = R::page_bytes()?;
        let region = R::map(page_bytes)?;
        // At a finer step: a page that is smaller than it says faults again.
        let faults = faults_of(|| touch(region.words(), page_bytes.min(4096), page_bytes / page_bytes.min(4096)));
        as_many_faults::<R>(faults, 1).map_err(std::io::Error::other)
    };
    tried().into()
}
