//! Memory mapped by both parties: a ring, and mailboxes, which are the product of WHERE the memory comes from and HOW a
//! message is handed over.

mod by_crate;
mod hand_off;
mod lane;
mod mailbox;
pub(super) mod mapping;
mod rendezvous;
mod shm_ring;

use self::by_crate::PosixShmCrate;
use self::hand_off::{Condvar, Eventfd, Flag, HandOff, NamedSem, Sem, SysvSem};
use self::mailbox::{Mailbox, Within};
use self::mapping::{AnonShm, HugeShm, Mapping, Memfd, PosixShm, SysvShm};
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

/// In a few words.
#[rustfmt::skip]
macro_rules! words {
    (PosixShm) => { "shm_open" };
    (PosixShmCrate) => { "shm_open by the shared_memory crate" };
    (Memfd) => { "memfd_create" };
    (SysvShm) => { "shmget" };
    (AnonShm) => { "anonymous MAP_SHARED memory" };
    (HugeShm) => { "anonymous MAP_SHARED huge pages" };
    (Flag) => { "a sequence word, by futex, spin, or spin then futex" };
    (Sem) => { "unnamed POSIX semaphores in it" };
    (NamedSem) => { "named POSIX semaphores" };
    (SysvSem) => { "System V semaphores" };
    (Condvar) => { "process-shared mutexes and condition variables" };
    (Eventfd) => { "eventfds in semaphore mode" };
}

/// What a mailbox has beside the two ends of a pair; only in this kind of memory.
macro_rules! further {
    (PosixShm, $hand_off:ident, $shape:ident) => {
        shapes::$shape::<Mailbox<$hand_off>>()
    };
}

/// `shm-ring` and the mailboxes: a line each.
macro_rules! list {
    ($($name:literal: $mapping:ident, $hand_off:ident, $rank:ident $(, $shape:ident)*;)+) => {
        pub(super) static LIST: &[&Mechanism] = &[
            &shm_ring::MECHANISM,
            $(&Mechanism {
                name: $name,
                summary: concat!("slots in ", words!($mapping), "; handed over by ", words!($hand_off)),
                family: Family::SharedMemory,
                reach: Reach::Both,
                references: &[
                    $mapping::REFERENCES[0],
                    $mapping::REFERENCES[1],
                    $hand_off::REFERENCES[0],
                    $hand_off::REFERENCES[1],
                ],
                support: mailbox::support::<$mapping, $hand_off>,
                rank: Rank::$rank,
                shapes: &[
                    shapes::transport::<Within<$mapping, $hand_off>>(),
                    $(further!($mapping, $hand_off, $shape),)*
                ],
            },)+
        ];
    };
}

list! {
    "posix-shm-flag": PosixShm, Flag, Common, fan_in, rendezvous;
    "posix-shm-sem": PosixShm, Sem, Headline, fan_in;
    "posix-shm-named-sem": PosixShm, NamedSem, Common, fan_in;
    "posix-shm-sysv-sem": PosixShm, SysvSem, Common, fan_in;
    "posix-shm-condvar": PosixShm, Condvar, Common, fan_in;
    "posix-shm-eventfd": PosixShm, Eventfd, Common, fan_in;
    "posix-shm-crate-flag": PosixShmCrate, Flag, Common;
    "posix-shm-crate-sem": PosixShmCrate, Sem, Rare;
    "posix-shm-crate-named-sem": PosixShmCrate, NamedSem, Rare;
    "posix-shm-crate-sysv-sem": PosixShmCrate, SysvSem, Rare;
    "posix-shm-crate-condvar": PosixShmCrate, Condvar, Rare;
    "posix-shm-crate-eventfd": PosixShmCrate, Eventfd, Rare;
    "memfd-flag": Memfd, Flag, Common;
    "memfd-sem": Memfd, Sem, Rare;
    "memfd-named-sem": Memfd, NamedSem, Rare;
    "memfd-sysv-sem": Memfd, SysvSem, Rare;
    "memfd-condvar": Memfd, Condvar, Rare;
    "memfd-eventfd": Memfd, Eventfd, Rare;
    "sysv-shm-flag": SysvShm, Flag, Common;
    "sysv-shm-sem": SysvShm, Sem, Rare;
    "sysv-shm-named-sem": SysvShm, NamedSem, Rare;
    "sysv-shm-sysv-sem": SysvShm, SysvSem, Rare;
    "sysv-shm-condvar": SysvShm, Condvar, Rare;
    "sysv-shm-eventfd": SysvShm, Eventfd, Rare;
    "anon-shm-flag": AnonShm, Flag, Common;
    "anon-shm-sem": AnonShm, Sem, Rare;
    "anon-shm-named-sem": AnonShm, NamedSem, Rare;
    "anon-shm-sysv-sem": AnonShm, SysvSem, Rare;
    "anon-shm-condvar": AnonShm, Condvar, Rare;
    "anon-shm-eventfd": AnonShm, Eventfd, Rare;
    "huge-shm-flag": HugeShm, Flag, Common;
    "huge-shm-sem": HugeShm, Sem, Rare;
    "huge-shm-named-sem": HugeShm, NamedSem, Rare;
    "huge-shm-sysv-sem": HugeShm, SysvSem, Rare;
    "huge-shm-condvar": HugeShm, Condvar, Rare;
    "huge-shm-eventfd": HugeShm, Eventfd, Rare;
}
