//! Limits, file systems and networks in which something is withheld.

use nix::sched::CloneFlags;
use nix::sys::resource::Resource;

use crate::confined::Step::{self, BecomeStranger, FillPipes, Limit, LoopbackUp, Mount, Tell, Unshare};
use crate::confined::{set, tmpfs};
use crate::withheld::{Missing, above, all, none_fails, withheld};

const OWN_NETWORK: Step = Unshare(CloneFlags::CLONE_NEWNET);

macro_rules! withheld {
    ($($name:ident: [$($step:expr),*] => [$($missing:expr),* $(,)?];)*) => { $(
        #[test]
        fn $name() {
            let missing: &[Missing] = &[$($missing),*];
            withheld(&[$($step),*], missing);
        }
    )* };
}

withheld! {
    message_queues_that_are_too_narrow: [set("fs/mqueue/msgsize_max", "128"), BecomeStranger] =>
        [above(128, "posix-mq", &["fs.mqueue.msgsize_max, 128 bytes"])];
    no_message_queue_more: [set("fs/mqueue/queues_max", "0"), BecomeStranger] =>
        [all("posix-mq", &["mq_open", "ENOSPC", "fs.mqueue.queues_max"])];
    no_memory_for_message_queues: [Limit(Resource::RLIMIT_MSGQUEUE, 0)] =>
        [all("posix-mq", &["mq_open", "RLIMIT_MSGQUEUE allows 0 bytes", "ulimit -q"])];
    little_memory_for_message_queues: [BecomeStranger, Limit(Resource::RLIMIT_MSGQUEUE, 25_000)] =>
        [above(1024, "posix-mq", &["take", "RLIMIT_MSGQUEUE allows 25000", "ulimit -q"])];
    system_v_messages_that_are_too_long: [set("kernel/msgmax", "100")] =>
        [above(100, "sysv-mq", &["kernel.msgmax, 100 bytes"])];
    system_v_queues_that_are_too_small: [set("kernel/msgmnb", "100")] =>
        [above(100, "sysv-mq", &["kernel.msgmnb", "100 bytes"])];
    no_system_v_queue_more: [set("kernel/msgmni", "0")] =>
        [all("sysv-mq", &["msgget", "ENOSPC", "kernel.msgmni is 0"])];
    a_user_who_has_had_all_pages_of_pipes: [BecomeStranger, FillPipes] => [
        all("pipe", FEW_PAGES),
        all("fifo*", FEW_PAGES),
        all("std-pipe", FEW_PAGES),
        all("interprocess-unnamed-pipe", FEW_PAGES),
        all("interprocess-fifo", FEW_PAGES),
        all("pipe-1mib", NO_LARGER),
        all("pipe-*splice*", NO_LARGER),
    ];
    no_memory_that_may_be_locked: [BecomeStranger, Limit(Resource::RLIMIT_MEMLOCK, 0)] => [
        // Before Linux 5.12, and since 6.14.
        all("io-uring-*", &["io_uring_setup: ENOMEM", "RLIMIT_MEMLOCK, which allows 0 bytes", "ulimit -l"]).or_not(),
        all("tcp-zerocopy", &["MSG_ZEROCOPY: ENOBUFS", "RLIMIT_MEMLOCK, which allows 0 bytes", "ulimit -l"]),
    ];
    no_system_v_semaphore_more: [set("kernel/sem", "32000 1024000000 500 0")] =>
        [all("*sysv-sem", &["semget", "ENOSPC", "kernel.sem is 32000 1024000000 500 0"])];
    no_system_v_segment_more: [set("kernel/shmmni", "0")] =>
        [all("sysv-shm-*", &["shmget", "ENOSPC", "kernel.shmmni is 0"])];
    system_v_segments_that_are_too_small: [set("kernel/shmmax", "1000000")] =>
        [above(64 * 1024, "sysv-shm-*", &["exceeds kernel.shmmax, 1000000 bytes"])];
    a_dev_shm_that_cannot_be_written: [tmpfs(c"ro")] => [
        all("posix-shm-*", &["is /dev/shm mounted and writable", "EROFS"]),
        all("shm-ring", &["is /dev/shm mounted and writable", "EROFS"]),
        all("*named-sem", &["sem_open", "EROFS", "is /dev/shm mounted and writable"]),
    ];
    a_dev_shm_of_somebody_else: [tmpfs(c"mode=755"), BecomeStranger] => [
        all("posix-shm-*", &["is /dev/shm mounted and writable", "EACCES"]),
        all("shm-ring", &["is /dev/shm mounted and writable", "EACCES"]),
        all("*named-sem", &["sem_open", "EACCES", "is /dev/shm mounted and writable"]),
    ];
    no_private_folder: [tmpfs(c"ro"), Tell("TMPDIR", "/proc")] => [
        all("posix-shm-*", &["is /dev/shm mounted and writable", "EROFS"]),
        all("shm-ring", &["is /dev/shm mounted and writable", "EROFS"]),
        all("*named-sem", &["sem_open", "EROFS", "is /dev/shm mounted and writable"]),
        all("fifo*", FOLDER),
        all("unix-*-path", FOLDER),
        all("interprocess-fifo", FOLDER),
    ];
    a_dev_shm_that_is_nearly_full: [tmpfs(c"size=3m")] => [
        above(256 * 1024, "posix-shm-*", &["/dev/shm has ", " bytes free", " are needed"]),
    ];
    a_dev_shm_that_is_full: [tmpfs(c"size=128k")] => [
        all("shm-ring", &["/dev/shm has 131072 bytes free, 525056 are needed"]),
        above(256, "posix-shm-*", &["/dev/shm has 131072 bytes free", " are needed"]),
    ];
    no_pseudo_terminals: [Mount(c"tmpfs", c"/dev/pts", c"")] => [all("pty", &["openpty", "is /dev/pts mounted"])];
    no_loopback_interface: [OWN_NETWORK] => [
        all("tcp-ipv6", &["::1", "is the loopback interface up"]),
        all("tcp*", NO_NETWORK),
        all("udp*", NO_NETWORK),
    ];
    no_ipv6: [OWN_NETWORK, LoopbackUp, set("net/ipv6/conf/all/disable_ipv6", "1")] =>
        [all("tcp-ipv6", &["::1", "EADDRNOTAVAIL", "net.ipv6.conf.lo.disable_ipv6"])];
}

const NO_NETWORK: &[&str] = &["127.0.0.1", "ENETUNREACH", "is the loopback interface up?"];
const FOLDER: &[&str] = &["no private folder", "/dev/shm/ipcmark-", "EROFS", "/proc/ipcmark-", "ENOENT"];
const FEW_PAGES: &[&str] = &["a new pipe has a capacity of ", " bytes instead of ", "fs.pipe-user-pages-soft"];
const NO_LARGER: &[&str] = &["F_SETPIPE_SZ", "EPERM", "fs.pipe-user-pages-soft"];

#[test]
fn message_queues_of_one_message_are_enough() {
    none_fails(&[set("fs/mqueue/msg_max", "1"), BecomeStranger], "same-cpu/block/posix-mq");
}

#[test]
fn system_v_queues_of_one_message_are_enough() {
    none_fails(&[set("kernel/msgmnb", "8192")], "same-cpu/block/sysv-mq");
}
