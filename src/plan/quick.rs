//! The cells of `quick`, each named: what a user asks first, of every family, as far as a minute can tell.
//!
//! On one CPU a minute's launches tell mechanisms apart by a few per cent, so the comparisons are there. Between two CPUs seven
//! launches of a cell do not on most virtual machines, whose host moves virtual CPUs meanwhile; there `quick` has the mechanisms whose
//! order of magnitude matters most, and `standard` has all.

use crate::cell::Cell;

/// Stands for the closest pair of CPUs of this machine.
const APART: &str = "apart";

/// Cells of one group and one point: they differ in the mechanism.
struct Row {
    /// `workload/peer/placement/waiting`, as ids begin.
    group: &'static str,
    /// What follows the mechanism in the id.
    value: &'static str,
    mechanisms: &'static [&'static str],
}

const fn row(group: &'static str, value: &'static str, mechanisms: &'static [&'static str]) -> Row {
    Row { group, value, mechanisms }
}

const ROWS: &[Row] = &[
    row("round-trip/process/same-cpu/block", "0B", &["futex", "eventfd", "posix-sem"]),
    row(
        "round-trip/process/same-cpu/block",
        "64B",
        &[
            "null",
            "pipe",
            "unix-stream",
            "unix-dgram",
            "unix-seqpacket",
            "tcp",
            "udp",
            "posix-mq",
            "sysv-mq",
            "shm-ring",
            "posix-shm-sem",
            "process-vm-read",
        ],
    ),
    row("round-trip/process/same-cpu/block", "4KiB", &["posix-mq", "sysv-mq"]),
    row("round-trip/process/same-cpu/block", "4KiB", LONG_MESSAGES),
    row("round-trip/process/apart/block", "64B", &["pipe", "unix-stream", "tcp", "shm-ring"]),
    row("round-trip/process/apart/spin", "64B", &["null", "pipe", "unix-stream", "tcp", "shm-ring"]),
    row("round-trip/thread/same-cpu/block", "64B", &["std-mpsc", "crossbeam-channel"]),
    row("round-trip/thread/apart/spin", "64B", &["std-mpsc", "crossbeam-channel"]),
    row("stream/process/same-cpu/block", "64KiB", &["unix-seqpacket"]),
    row("stream/process/same-cpu/block", "64KiB", LONG_MESSAGES),
    row("stream/process/apart/block", "64KiB", &["pipe", "unix-stream", "shm-ring"]),
    row("wake/process/same-cpu/block", "0B-after-100us", &["futex", "eventfd", "posix-sem"]),
    row("wake/process/apart/block", "0B-after-100us", &["futex", "eventfd"]),
    row("connect/process/same-cpu/block", "1B", &["unix-stream-path", "tcp", "posix-mq", "sysv-mq"]),
    row("connect/process/apart/block", "1B", &["tcp"]),
    row(
        "uncontended/thread/same-cpu/own",
        "0B-2parties",
        &[
            "std-mutex",
            "parking-lot-mutex",
            "pthread-mutex",
            "pthread-spinlock",
            "tas-spinlock",
            "ticket-spinlock",
            "mcs-spinlock",
            "fetch-add-counter",
        ],
    ),
    row(
        "contended/thread/apart/own",
        "64B-2parties-hold100ns-out0",
        &["std-mutex", "parking-lot-mutex", "pthread-mutex", "tas-spinlock", "mcs-spinlock"],
    ),
    row("hand-off/thread/apart/own", "0B-after-100us", &["std-mutex", "tas-spinlock"]),
    row("read-mix/thread/apart/own", "256B-2parties-reads99.0pct-hold100ns", &["std-mutex", "std-rwlock"]),
    row("count/thread/apart/own", "0B-2parties", &["fetch-add-counter"]),
    row("barrier/thread/apart/own", "0B-2parties", &["pthread-barrier"]),
    row("switch/process/same-cpu/block", "0B-2parties", RINGS),
    row("switch/thread/same-cpu/block", "0B-2parties", RINGS),
    row("switch/clone-vm/same-cpu/block", "0B-2parties", &["futex-ring"]),
    row("switch-touch/process/same-cpu/block", "0B-2parties-mem64KiB-stride64B", &["futex-ring"]),
    row("switch-touch/thread/same-cpu/block", "0B-2parties-mem64KiB-stride64B", &["futex-ring"]),
    row("resume/thread/same-cpu/own", "0B", &["own-switch", "corosensei", "polled-future"]),
    row("spawn/process/same-cpu/own", "0B", &["vfork", "posix-spawn"]),
    row("spawn/process/same-cpu/own", "0B-mem16MiB", &["fork"]),
    row("spawn/thread/same-cpu/own", "0B", &["pthread", "std-thread"]),
    row("call/thread/same-cpu/own", "0B", &["vdso-clock", "getppid", "read-dev-zero"]),
    row("timer-wake/thread/same-cpu/own", "0B-after-1ms", &["sched-other"]),
    row("chase/thread/same-cpu/own", "0B-mem64MiB-stride4KiB", &["pages-4k"]),
    row("first-touch/thread/same-cpu/own", "0B-mem16MiB", &["pages-4k"]),
];

/// What carries messages that are long for a queue or a datagram, one of each kind.
const LONG_MESSAGES: &[&str] = &["pipe", "unix-stream", "unix-dgram", "tcp", "shm-ring", "process-vm-read"];
const RINGS: &[&str] = &["futex-ring", "pipe-ring", "eventfd-ring", "yield-ring"];

/// Whether any cell of this workload and mechanism is one of `quick`.
pub(super) fn wants(workload: &str, mechanism: &str) -> bool {
    let is_of = |row: &Row| row.group.split('/').next() == Some(workload) && row.mechanisms.contains(&mechanism);
    ROWS.iter().any(is_of)
}

/// Whether `cell` is one of `quick` where `apart` is the closest pair of CPUs.
pub(super) fn has(cell: &Cell, apart: &str) -> bool {
    let mut rows = ROWS.iter().filter(|row| row.mechanisms.contains(&cell.mechanism.name));
    let group = cell.group();
    rows.any(|row| is_group(row.group, &group, apart) && row.value == cell.value())
}

fn is_group(named: &str, group: &str, apart: &str) -> bool {
    let placed = named.split('/').map(|part| if part == APART { apart } else { part });
    placed.eq(group.split('/'))
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::machine::Root;
    use ipcmark_harness::placement::Topology;

    use super::*;
    use crate::plan::{Profile, cells};

    /// So that a cell that was renamed is missed.
    #[test]
    fn every_name_of_the_list_is_a_cell() {
        let topology = Topology::read(&Root::new("/nowhere"), &[0, 1]);
        let quick = cells(Profile::Quick, &topology);
        let named: usize = ROWS.iter().map(|row| row.mechanisms.len()).sum();
        let lost = ROWS.iter().flat_map(|row| row.mechanisms.iter().map(move |mechanism| (row, mechanism)));
        let lost: Vec<_> = lost
            .filter(|(row, mechanism)| {
                let is_it = |cell: &Cell| cell.mechanism.name == **mechanism && cell.value() == row.value;
                !quick.iter().any(|cell| is_it(cell) && is_group(row.group, &cell.group(), "same-cache"))
            })
            .map(|(row, mechanism)| format!("{}/{mechanism}/{}", row.group, row.value))
            .collect();
        assert!(lost.is_empty() && quick.len() == named, "{lost:?}, {} of {named}", quick.len());
    }
}
