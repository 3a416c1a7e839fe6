//! The workloads of each shape, each a table that is generic over the mechanism's type.

mod adapters;
mod barrier;
mod call;
mod chase;
mod contended;
mod count;
mod crowd;
mod exchange;
mod fan_in;
mod fan_out;
mod first_touch;
mod guarded;
mod hand_off;
mod one_way;
mod operation;
mod pace;
mod paced;
pub mod payload;
mod permits;
mod philosophers;
mod priority;
mod read_mix;
mod round_trip;
mod stream;
mod switch;
mod tail;
mod time_slice;
mod timer_wake;
mod uncontended;
mod wake;
mod workers;

use ipcmark_harness::placement::Placement;

use crate::mechanism::{Axes, Point, Rank, Workload};
use crate::shapes::{
    Barrier, Busy, Call, Counter, Dinner, FanIn, FanOut, Lock, Once, Operation, Pairing, Permits, Policy, Region,
    Rendezvous, RwLock, TokenRing, Transport, Wakeup,
};

pub(crate) use adapters::Remade;
use adapters::{Read, Wordless};
pub(crate) use crowd::MOST_PARTIES;
use exchange::{Exchange, Pattern};
use round_trip::RoundTrip;
use stream::Stream;

/// All workloads of a transport.
pub const fn transport<T: Pairing>() -> &'static [Workload] {
    Table::<T>::TRANSPORT
}

/// All workloads of a notification.
pub const fn wakeup<W: Wakeup>() -> &'static [Workload] {
    Table::<W>::WAKEUP
}

/// All workloads of a channel with several writers.
pub const fn fan_in<T: FanIn>() -> &'static [Workload] {
    Table::<T>::FAN_IN
}

/// All workloads of a channel with several readers.
pub const fn fan_out<T: FanOut>() -> &'static [Workload] {
    Table::<T>::FAN_OUT
}

/// All workloads of a channel that is made while both parties live.
pub const fn rendezvous<T: Rendezvous>() -> &'static [Workload] {
    Table::<T>::RENDEZVOUS
}

/// All workloads of a lock.
pub const fn lock<L: Lock>() -> &'static [Workload] {
    Table::<L>::LOCK
}

/// All workloads of data that several read and some write.
pub const fn rw_lock<L: RwLock>() -> &'static [Workload] {
    Table::<L>::RW_LOCK
}

/// All workloads of a counter.
pub const fn counter<C: Counter>() -> &'static [Workload] {
    Table::<C>::COUNTER
}

/// What a lock is besides measured for where parties of several priorities want it.
pub const fn priority<L: Lock>() -> &'static [Workload] {
    Table::<L>::PRIORITY
}

/// All workloads of a semaphore of several permits.
pub const fn permits<P: Permits>() -> &'static [Workload] {
    Table::<P>::PERMITS
}

/// All workloads of a barrier.
pub const fn barrier<B: Barrier>() -> &'static [Workload] {
    Table::<B>::BARRIER
}

/// All workloads of a dinner.
pub const fn dinner<D: Dinner>() -> &'static [Workload] {
    Table::<D>::DINNER
}

/// All workloads of a value that is made once.
pub const fn once<O: Once>() -> &'static [Workload] {
    Table::<O>::ONCE
}

/// All workloads of a scheduling policy.
pub const fn policy<P: Policy>() -> &'static [Workload] {
    Table::<P>::POLICY
}

/// All workloads of work that wants nothing but a CPU.
pub const fn busy<B: Busy>() -> &'static [Workload] {
    Table::<B>::BUSY
}

/// All workloads of a system call.
pub const fn call<C: Call>() -> &'static [Workload] {
    Table::<C>::CALL
}

/// All workloads of a kind of memory.
pub const fn region<R: Region>() -> &'static [Workload] {
    Table::<R>::REGION
}

/// All workloads of a token ring.
pub const fn token_ring<R: TokenRing>() -> &'static [Workload] {
    Table::<R>::TOKEN_RING
}

/// All workloads of an operation: the one that it is.
pub const fn operation<O: Operation>() -> &'static [Workload] {
    Table::<O>::OPERATION
}

struct Table<T>(std::marker::PhantomData<T>);

impl<O: Operation> Table<O> {
    const OPERATION: &'static [Workload] = &[operation::workload::<O>()];
}

impl<T: Pairing> Table<T> {
    const TRANSPORT: &'static [Workload] = if T::End::DELIVERS {
        &[exchange::<T, RoundTrip>(), exchange::<T, Stream>(), paced::workload::<T>(), wake::by_message::<T>()]
    } else {
        &[exchange::<T, RoundTrip>(), exchange::<T, Stream>()]
    };
}

impl<W: Wakeup> Table<W> {
    const WAKEUP: &'static [Workload] = if W::LASTS {
        &[
            Workload {
                carries_payload: false,
                axes: Axes { payload_bytes: NO_PAYLOAD, ..Axes::PAIR },
                ..exchange::<Wordless<W>, RoundTrip>()
            },
            wake::workload::<W>(NO_PAYLOAD, Rank::Headline),
        ]
    } else {
        &[wake::workload::<W>(NO_PAYLOAD, Rank::Headline)]
    };
}

impl<T: FanIn> Table<T> {
    const FAN_IN: &'static [Workload] = &[fan_in::workload::<T>()];
}

impl<T: FanOut> Table<T> {
    const FAN_OUT: &'static [Workload] = &[fan_out::workload::<T>()];
}

impl<T: Rendezvous> Table<T> {
    const RENDEZVOUS: &'static [Workload] = &[Workload {
        name: "connect",
        summary: "a channel made between two live parties, a byte there and back, and the channel closed",
        carries_payload: false,
        axes: Axes { payload_bytes: &[Point(1, Rank::Headline)], ..Axes::PAIR },
        ..exchange::<Remade<T>, RoundTrip>()
    }];
}

impl<L: Lock> Table<L> {
    const LOCK: &'static [Workload] = &[
        uncontended::workload::<L>(),
        contended::contended::<L>(),
        contended::oversubscribed::<L>(),
        hand_off::workload::<L>(),
        tail::workload::<L>(),
    ];
}

impl<L: RwLock> Table<L> {
    /// Where readers come in one at a time, reading is what `uncontended` measures.
    const RW_LOCK: &'static [Workload] = if L::READERS_SHARE {
        &[uncontended::read::<L>(), uncontended::write::<L>(), read_mix::workload::<L>()]
    } else {
        &[read_mix::workload::<L>()]
    };
}

impl<C: Counter> Table<C> {
    const COUNTER: &'static [Workload] = &[uncontended::add::<C>(), count::workload::<C>()];
}

impl<L: Lock> Table<L> {
    const PRIORITY: &'static [Workload] = &[priority::workload::<L>()];
}

impl<P: Permits> Table<P> {
    const PERMITS: &'static [Workload] = &[permits::workload::<P>()];
}

impl<B: Barrier> Table<B> {
    const BARRIER: &'static [Workload] = &[barrier::workload::<B>()];
}

impl<D: Dinner> Table<D> {
    const DINNER: &'static [Workload] = &[philosophers::workload::<D>()];
}

impl<O: Once> Table<O> {
    const ONCE: &'static [Workload] = &[Workload {
        name: "read-once",
        summary: "a value that was made once is asked for again by the only party that wants it",
        ..uncontended::workload::<Read<O>>()
    }];
}

impl<C: Call> Table<C> {
    const CALL: &'static [Workload] = &[call::free::<C>(), call::by_number::<C>(), call::by_argument::<C>()];
}

impl<P: Policy> Table<P> {
    const POLICY: &'static [Workload] = &[timer_wake::idle::<P>(), timer_wake::beside_hog::<P>()];
}

impl<B: Busy> Table<B> {
    const BUSY: &'static [Workload] = &[time_slice::workload::<B>(), workers::workload::<B>()];
}

impl<R: Region> Table<R> {
    const REGION: &'static [Workload] = match R::CHASED {
        Some(standing) => &[chase::workload::<R>(standing), first_touch::workload::<R>()],
        None => &[first_touch::workload::<R>()],
    };
}

impl<R: TokenRing> Table<R> {
    const TOKEN_RING: &'static [Workload] =
        &[switch::workload::<R>(), switch::touch::<R>(), switch::touch_shared::<R>()];
}

const NO_PAYLOAD: &[Point<usize>] = &[Point(0, Rank::Headline)];

/// One party, which waits for nobody.
const ALONE: Axes = Axes {
    payload_bytes: NO_PAYLOAD,
    parties: &[Point(1, Rank::Headline)],
    placements: &[Placement::SameCpu],
    alike: true,
    ..Axes::PAIR
};

const fn exchange<T: Pairing, P: Pattern>() -> Workload {
    Workload {
        name: P::NAME,
        summary: P::SUMMARY,
        waitings: T::End::WAITINGS,
        times_each: !P::ENDS_AT_FAR,
        windows_of: None,
        carries_payload: T::End::DELIVERS,
        rank: Rank::Headline,
        axes: Axes {
            payload_bytes: P::PAYLOAD_BYTES,
            // Throughput is asked for where both parties can work at once.
            on_one_cpu: if P::ENDS_AT_FAR { Rank::Common } else { Rank::Headline },
            // A sender that has to wait is asked for first: how its peer is told is what differs.
            polling: if P::ENDS_AT_FAR { Rank::Common } else { Rank::Headline },
            ..Axes::PAIR
        },
        supports: T::supports,
        open: |stage, clock| Exchange::<T::End, P>::open(stage, clock, T::pair),
    }
}

/// Message sizes, each also a multiple or a part of something: 64 B a cache line, 4 KiB a page, 64 KiB a pipe.
const ALL_BYTES: [usize; 10] = [1, 8, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
const COMMON_BYTES: [usize; 4] = [64, 4 << 10, 64 << 10, 1 << 20];

/// All message sizes, these as headlines.
const fn sizes(headlines: &[usize]) -> [Point<usize>; ALL_BYTES.len()] {
    let mut points = [Point(0, Rank::Rare); ALL_BYTES.len()];
    let mut i = 0;
    while i < points.len() {
        let rank = match ALL_BYTES[i] {
            size if contains(headlines, size) => Rank::Headline,
            size if contains(&COMMON_BYTES, size) => Rank::Common,
            _ => Rank::Rare,
        };
        points[i] = Point(ALL_BYTES[i], rank);
        i += 1;
    }
    points
}

const fn contains(sizes: &[usize], size: usize) -> bool {
    let mut i = 0;
    while i < sizes.len() {
        if sizes[i] == size {
            return true;
        }
        i += 1;
    }
    false
}
