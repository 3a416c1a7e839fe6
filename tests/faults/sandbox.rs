//! One system call after the other, forbidden (EPERM) or hidden (ENOSYS), as sandboxes of containers do: whatever a run makes
//! of it, it ends, says why, and leaves no number that it does not stand for.

use nix::errno::Errno;
use serde_json::Value;

use crate::common::{Ended, assert_sentence};
use crate::confined::{Step, World};
use crate::seccomp::Refusal;

/// A cell of every kind of mechanism; what each of them is, is asked of all anyway.
const CELLS: [&str; 20] = [
    "round-trip/process/same-cpu/block/pipe/64B",
    "round-trip/process/same-cpu/block/fifo/64B",
    "round-trip/process/same-cpu/block/unix-stream-path/64B",
    "round-trip/process/same-cpu/block/unix-dgram-abstract/64B",
    "round-trip/process/same-cpu/block/tcp/64B",
    "round-trip/process/same-cpu/block/udp/64B",
    "round-trip/process/same-cpu/block/posix-mq/64B",
    "round-trip/process/same-cpu/block/sysv-mq/64B",
    "round-trip/process/same-cpu/block/posix-shm-sem/64B",
    "round-trip/process/same-cpu/block/memfd-eventfd/64B",
    "round-trip/process/same-cpu/block/sysv-shm-condvar/64B",
    "round-trip/process/same-cpu/block/shm-ring/64B",
    "round-trip/process/same-cpu/block/process-vm-read/64B",
    "round-trip/process/same-cpu/block/fd-pass/64B",
    "round-trip/process/same-cpu/block/io-uring-socket/64B",
    "round-trip/process/same-cpu/block/tokio-unix-stream/64B",
    "round-trip/thread/same-cpu/block/unix-stream/64B",
    "wake/process/same-cpu/block/signal/0B-after-0",
    "wake/process/same-cpu/block/pidfd-exit/0B-after-0",
    "fan-in/process/same-cpu/block/pipe/64B-2peers",
];

/// One sentence, or a list in which what did not pass has its reason.
fn assert_explained(call: &str, errno: Errno, ended: &Ended) {
    let context = format!("{call} gives {errno}: {ended:?}");
    assert!(ended.signal.is_none() && !ended.err.contains("panicked"), "{context}");
    let Ok(outcomes) = serde_json::from_str::<Vec<Value>>(&ended.out) else {
        let sentences: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(ended.code == Some(1) && sentences.len() == 1, "{context}");
        return;
    };
    let failed = outcomes.iter().any(|outcome| outcome["outcome"] == "failed");
    assert_eq!(ended.code, Some(if failed { 6 } else { 0 }), "{context}");
    for outcome in outcomes.iter().filter(|outcome| outcome["outcome"] != "passed") {
        assert!(outcome["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{outcome}");
    }
}

fn without(name: &str, call: libc::c_long) {
    for errno in [Errno::EPERM, Errno::ENOSYS] {
        let Some(world) = World::new(&[Step::Refuse(Refusal { call, first: None, errno })]) else { return };
        let args = [&["verify", "--json", "--operations", "20", "--cell-timeout", "5"], &CELLS[..]].concat();
        let ended = match name {
            // The shell that looks before and after could not wait, either.
            "wait4" => {
                let ended = world.start(&args).end();
                world.place().assert_no_process_left();
                ended
            }
            "unlink" => {
                let ended = world.ipcmark_unchecked(":", ":", &args);
                world.place().assert_no_process_left();
                let [before, after] = ["before", "after"].map(|when| but_for_unlinked(&world.listed(when)));
                assert_eq!(before, after, "objects are left, gone or touched");
                ended
            }
            _ => world.ipcmark(&args),
        };
        assert_explained(name, errno, &ended);
    }
}

/// A listing without the temporary files that sem_open(3) of the GNU C library makes, links and then cannot unlink, and without the
/// sums that they are in: SECURITY.md names this limit.
fn but_for_unlinked(listing: &str) -> String {
    let is_temporary = |line: &str| {
        let random = line.rsplit_once(" sem.").map(|(_, random)| random);
        random.is_some_and(|random| random.len() == 6 && random.chars().all(|letter| letter.is_ascii_alphanumeric()))
    };
    let kept = listing.lines().filter(|line| !is_temporary(line) && !line.starts_with("total "));
    kept.collect::<Vec<_>>().join("\n")
}

macro_rules! sandboxes {
    ($($(#[$attribute:meta])* $name:ident = $call:ident;)*) => { $(
        #[test]
        $(#[$attribute])*
        fn $name() {
            without(stringify!($name), libc::$call);
        }
    )* };
}

// What the filters of Docker and systemd refuse, and what every run begins with. Those that tests/faults/without.rs has are not
// here again. Processors that came later have no mkdir and unlink, which mkdirat and unlinkat do as well.
sandboxes! {
    accept4 = SYS_accept4;
    #[ignore = "ten seconds and more"] fcntl = SYS_fcntl;
    #[ignore = "ten seconds and more"] clone3 = SYS_clone3;
    futex = SYS_futex;
    #[ignore = "ten seconds and more"] getsockopt = SYS_getsockopt;
    kill = SYS_kill;
    #[ignore = "ten seconds and more"] mlock = SYS_mlock;
    perf_event_open = SYS_perf_event_open;
    #[ignore = "ten seconds and more"] sched_yield = SYS_sched_yield;
    #[ignore = "ten seconds and more"] bind = SYS_bind;
    #[ignore = "ten seconds and more"] connect = SYS_connect;
    #[ignore = "ten seconds and more"] flock = SYS_flock;
    #[ignore = "ten seconds and more"] ftruncate = SYS_ftruncate;
    #[ignore = "ten seconds and more"] getrandom = SYS_getrandom;
    #[ignore = "ten seconds and more"] getrusage = SYS_getrusage;
    #[cfg(target_arch = "x86_64")] #[ignore = "ten seconds and more"] mkdir = SYS_mkdir;
    #[ignore = "ten seconds and more"] prlimit64 = SYS_prlimit64;
    #[ignore = "ten seconds and more"] sched_setaffinity = SYS_sched_setaffinity;
    #[ignore = "ten seconds and more"] sendmsg = SYS_sendmsg;
    #[ignore = "ten seconds and more"] sendto = SYS_sendto;
    #[ignore = "ten seconds and more"] socketpair = SYS_socketpair;
    #[ignore = "ten seconds and more"] symlinkat = SYS_symlinkat;
    #[cfg(target_arch = "x86_64")] #[ignore = "ten seconds and more"] unlink = SYS_unlink;
    #[ignore = "ten seconds and more"] wait4 = SYS_wait4;
}

/// Whatever time the worker would have.
#[test]
fn a_command_that_cannot_be_sent_is_not_waited_for() {
    let refused = Refusal { call: libc::SYS_sendto, first: None, errno: Errno::EPERM };
    let Some(world) = World::new(&[Step::Refuse(refused)]) else { return };
    let ended = world.ipcmark(&["verify", "--cell-timeout", "3600", CELLS[0]]);
    assert_sentence(&ended, 1, &["a command to the worker", "sendto"]);
}
