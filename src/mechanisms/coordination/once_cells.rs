//! Values that are made when they are first asked for: `std::sync::OnceLock` and `LazyLock`. To read one that is there takes
//! one load with acquire ordering and a branch.

use std::io;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support};
use crate::shapes::{self, Once, Whole};

pub(super) static ONCE_LOCK: Mechanism = Mechanism {
    name: "once-lock",
    summary: "std::sync::OnceLock: get_or_init with a value that is there",
    family: Family::Coordination,
    reach: Reach::Threads,
    references: &["std::sync::OnceLock"],
    support: || Support::Available,
    rank: Rank::Common,
    shapes: &[shapes::once::<OfOnceLock>()],
};

pub(super) static LAZY_LOCK: Mechanism = Mechanism {
    name: "lazy-lock",
    summary: "std::sync::LazyLock: dereferenced when its value is there",
    references: &["std::sync::LazyLock"],
    shapes: &[shapes::once::<OfLazyLock>()],
    ..ONCE_LOCK
};

struct OfOnceLock {
    cell: Arc<OnceLock<Whole>>,
    make: fn() -> Whole,
}

impl Once for OfOnceLock {
    fn handles(setup: &Setup, make: fn() -> Whole) -> io::Result<Vec<Self>> {
        let cell = Arc::default();
        Ok((0..setup.parties).map(|_| OfOnceLock { cell: Arc::clone(&cell), make }).collect())
    }

    #[inline(always)]
    fn get(&self) -> &Whole {
        self.cell.get_or_init(self.make)
    }
}

struct OfLazyLock(Arc<LazyLock<Whole>>);

impl Once for OfLazyLock {
    fn handles(setup: &Setup, make: fn() -> Whole) -> io::Result<Vec<Self>> {
        let cell = Arc::new(LazyLock::new(make));
        Ok((0..setup.parties).map(|_| OfLazyLock(Arc::clone(&cell))).collect())
    }

    #[inline(always)]
    fn get(&self) -> &Whole {
        &self.0
    }
}
