//! The workloads of each shape. [`transport`] is the table for every [`Transport`].

mod exchange;
pub mod payload;
mod round_trip;
mod stream;

use crate::mechanism::{Transport, Workload};

use exchange::{Exchange, Pattern};
use round_trip::RoundTrip;
use stream::Stream;

/// All workloads of a transport, each monomorphic in `T`.
pub const fn transport<T: Transport>() -> &'static [Workload] {
    Table::<T>::WORKLOADS
}

struct Table<T>(std::marker::PhantomData<T>);

impl<T: Transport> Table<T> {
    const WORKLOADS: &'static [Workload] = &[workload::<T, RoundTrip>(), workload::<T, Stream>()];
}

const fn workload<T: Transport, P: Pattern>() -> Workload {
    Workload {
        name: P::NAME,
        summary: P::SUMMARY,
        waitings: T::WAITINGS,
        times_each: !P::ENDS_AT_FAR,
        headline_bytes: P::HEADLINE_BYTES,
        supports: T::supports,
        open: Exchange::<T, P>::open,
    }
}
