//! What is set against what.

use crate::plain::{self, Loop};

/// What a cell of the suite is set against; the first arm is what ratios refer to.
pub(crate) struct Comparison {
    pub(crate) id: &'static str,
    pub(crate) plain: &'static [(&'static str, Loop)],
}

const fn with(id: &'static str, plain: &'static [(&'static str, Loop)]) -> Comparison {
    Comparison { id, plain }
}

pub(crate) const COMPARISONS: &[Comparison] = &[
    with("round-trip/process/same-cpu/block/pipe/64B", &[("plain loop", plain::pipes::round_trip_blocking)]),
    with("round-trip/process/same-cpu/block/fifo/64B", &[("plain loop", plain::pipes::fifo_round_trip)]),
    with(
        "round-trip/process/same-cpu/block/unix-stream/64B",
        &[("plain loop", plain::sockets::unix_stream_round_trip)],
    ),
    with("round-trip/process/same-cpu/block/unix-dgram/64B", &[("plain loop", plain::sockets::unix_dgram_round_trip)]),
    with("round-trip/process/same-cpu/block/unix-seqpacket/64B", SEQPACKET),
    with("round-trip/process/same-cpu/block/udp/64B", &[("plain loop", plain::sockets::udp_round_trip)]),
    with("round-trip/process/same-cpu/block/tcp/64B", &[("plain loop", plain::sockets::tcp_round_trip)]),
    with("round-trip/process/same-cpu/block/posix-mq/64B", &[("plain loop", plain::queues::posix_round_trip_blocking)]),
    with("round-trip/process/same-cpu/block/sysv-mq/64B", SYSV),
    with("round-trip/process/same-cpu/block/posix-shm-sem/64B", SEMAPHORES),
    with(
        "round-trip/process/same-cpu/block/futex/0B",
        &[("plain loop", plain::notifications::futex_round_trip_blocking)],
    ),
    with("round-trip/process/same-cpu/block/eventfd/0B", EVENTFD),
    with("switch/process/same-cpu/block/pipe-ring/0B-2parties", &[("plain loop", plain::switches::pipe_ring)]),
    with(
        "switch/thread/same-cpu/block/pipe-ring/0B-2parties",
        &[("plain loop", plain::switches::pipe_ring_of_threads)],
    ),
    with("call/thread/same-cpu/own/getppid/0B", &[("plain loop", plain::calls::getppid)]),
    with("call/thread/same-cpu/own/vdso-clock/0B", &[("plain loop", plain::calls::clock)]),
    with("call/thread/same-cpu/own/read-dev-zero/0B", &[("plain loop", plain::calls::read_dev_zero)]),
    with("call/thread/same-cpu/own/write-dev-null/0B", &[("plain loop", plain::calls::write_dev_null)]),
    with("chase/thread/same-cpu/own/pages-4k/0B-mem64KiB-stride64B", &[("plain loop", plain::pointers::chase)]),
    with("chase/thread/same-cpu/own/pages-4k/0B-mem64MiB-stride4KiB", &[("plain loop", plain::pointers::chase)]),
    with("spawn/process/same-cpu/own/fork/0B-mem1MiB", FORKS),
    with("spawn/process/same-cpu/own/fork/0B-mem16MiB", FORKS),
    with("spawn/thread/same-cpu/own/pthread/0B", &[("plain loop", plain::births::pthread)]),
    with("resume/thread/same-cpu/own/corosensei/0B", &[("plain loop", plain::coroutines::corosensei)]),
    with("uncontended/thread/same-cpu/own/std-mutex/0B-2parties", &[("plain loop", plain::locks::std_mutex)]),
    // Our own mutex is one to compare with where it takes no more than 1.1 times as long as std's.
    with("uncontended/thread/same-cpu/own/futex-mutex-private/0B-2parties", &[("std's", plain::locks::std_mutex)]),
    with("uncontended/thread/same-cpu/own/parking-lot-mutex/0B-2parties", PARKING_LOT),
    with("uncontended/thread/same-cpu/own/pthread-mutex/0B-2parties", &[("plain loop", plain::locks::pthread_mutex)]),
    with("uncontended/thread/same-cpu/own/fetch-add-counter/0B-2parties", &[("plain loop", plain::locks::fetch_add)]),
    with("round-trip/process/same-cache/block/pipe/64B", &[("plain loop", plain::pipes::round_trip_blocking)]),
    with("round-trip/process/same-cache/spin/pipe/64B", &[("plain loop", plain::pipes::round_trip_polling)]),
    with("round-trip/thread/same-cache/spin/crossbeam-channel/64B", CROSSBEAM),
    with("stream/process/same-cache/block/pipe-vmsplice-1mib/64KiB", &[("plain loop", plain::pipes::vmsplice_stream)]),
    // The ring keeps its promise where it takes no more than 1.2 times as long as two flags, 1.3 times as long as the bare ring.
    with("round-trip/process/same-cache/spin/shm-ring/64B", RING),
    with("stream/process/same-cache/spin/shm-ring/64B", &[("bare ring", plain::rings::bare_ring_stream)]),
    with("stream/process/same-cache/spin/shm-ring/4KiB", LONG_MESSAGES),
    with("stream/process/same-cache/spin/shm-ring/64KiB", LONG_MESSAGES),
    with("stream/process/same-cache/spin/shm-ring/1MiB", LONG_MESSAGES),
];

const SEQPACKET: &[(&str, Loop)] = &[("plain loop", plain::sockets::unix_seqpacket_round_trip)];
const SYSV: &[(&str, Loop)] = &[
    ("plain loop", plain::queues::sysv_round_trip_blocking),
    ("with copies", plain::queues::sysv_round_trip_with_copies),
];
const SEMAPHORES: &[(&str, Loop)] = &[("plain loop", plain::shared_memory::semaphore_round_trip)];
const EVENTFD: &[(&str, Loop)] = &[("plain loop", plain::notifications::eventfd_round_trip_blocking)];
const FORKS: &[(&str, Loop)] = &[("plain loop", plain::births::fork), ("with a sign", plain::births::fork_with_a_sign)];
const PARKING_LOT: &[(&str, Loop)] = &[("plain loop", plain::locks::parking_lot_mutex)];
const CROSSBEAM: &[(&str, Loop)] = &[("plain loop", plain::channels::crossbeam_round_trip_polling)];
const RING: &[(&str, Loop)] =
    &[("two flags", plain::rings::flags_round_trip), ("ring alone", plain::rings::ring_round_trip)];

/// The ring keeps its promise where it takes no more than 1.25 times as long as memcpy(3): 0.8 of that bandwidth.
const LONG_MESSAGES: &[(&str, Loop)] = &[
    ("memcpy", plain::shared_memory::copies_of_what_the_other_wrote),
    #[cfg(feature = "rivals")]
    ("rtrb", plain::channels::rtrb_stream),
];

/// Cells that criterion measures, too: whether its way of taking batches adds anything does not depend on the cell.
pub(crate) const BY_CRITERION: &[&str] = &[
    "round-trip/process/same-cpu/block/pipe/64B",
    "call/thread/same-cpu/own/getppid/0B",
    "uncontended/thread/same-cpu/own/std-mutex/0B-2parties",
];

/// Cells that `perf bench` measures, too, and by which benchmark.
pub(crate) const BY_PERF: &[(&str, &[&str])] = &[
    ("switch/process/same-cpu/block/pipe-ring/0B-2parties", &[]),
    ("switch/thread/same-cpu/block/pipe-ring/0B-2parties", &["-T"]),
];

/// Cells that are set against each other; the first is what ratios refer to.
pub(crate) const PAIRS: &[[&str; 2]] = &[
    // Our own switch is a floor where it takes no more than 1.2 times as long as the crate's. Both are the same loop on the same
    // kind of stack.
    ["resume/thread/same-cpu/own/corosensei/0B", "resume/thread/same-cpu/own/own-switch/0B"],
];

/// Cells that are measured right after a perf event was closed, and long after.
pub(crate) const AFTER_A_PERF_EVENT: &[&str] = &[
    "round-trip/process/same-cpu/block/pipe/64B",
    "switch/process/same-cpu/block/pipe-ring/0B-2parties",
    "switch/thread/same-cpu/block/futex-ring/0B-2parties",
];
