//! What is withheld from those that ask about the kernel: real-time classes, CPUs, memory, huge pages, filters.
#![allow(unsafe_code)] // prctl(2)

use ipcmark_harness::record::Outcome;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use serde_json::Value;

use crate::confined::{Step, World};
use crate::limits::{assert_measured, assert_skipped, at, only_the_first, run_after, support};
use crate::seccomp::Refusal;

#[test]
fn who_may_not_be_real_time_is_told_what_would_allow_it_and_has_the_other_policies() {
    let Some(world) = World::new(&[Step::BecomeStranger, Step::Limit(Resource::RLIMIT_RTPRIO, 0)]) else { return };
    let listed = world.ipcmark(&["list", "--json", "timer-wake/"]);
    let cells: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    let support = |mechanism: &str| support(&cells, mechanism);
    for policy in ["sched-fifo", "sched-rr"] {
        let reason = support(policy);
        let words = ["sched_setattr(SCHED_", "EPERM", "RLIMIT_RTPRIO allows priority 0", "CAP_SYS_NICE"];
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    }
    let reason = support("sched-deadline");
    assert!(reason.contains("SCHED_DEADLINE") && reason.contains("CAP_SYS_NICE"), "{reason}");
    for policy in ["sched-other", "sched-batch", "sched-idle"] {
        assert_eq!(support(policy), "available");
    }
}

#[test]
fn with_one_allowed_cpu_workers_are_skipped_and_what_shares_it_is_measured() {
    let (_, only_the_first) = only_the_first();
    let workers = "workers/thread/same-cache/own/cpu-bound/0B-2parties";
    let sharing = [
        "time-slice/thread/same-cpu/own/cpu-bound/0B-q100us",
        "timer-wake-beside-hog/thread/same-cpu/own/sched-other/0B-after-1ms",
    ];
    let (ended, place) = run_after(only_the_first, &[&sharing[..], &[workers]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_skipped(&record, workers, &["only one CPU is allowed"]);
    sharing.iter().for_each(|id| assert_measured(&record, id));
}

#[test]
fn memory_beyond_the_address_space_is_skipped_with_the_limit() {
    let limited = || setrlimit(Resource::RLIMIT_AS, 512 << 20, 512 << 20);
    let [large, small] =
        ["1024MiB", "64KiB"].map(|size| format!("chase/thread/same-cpu/own/pages-4k/0B-mem{size}-stride4KiB"));
    let (ended, place) = run_after(limited, &[&large, &small]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_skipped(&record, &large, &["RLIMIT_AS allows 536870912 bytes", "1073741824 more are needed", "ulimit -v"]);
    assert_measured(&record, &small);
}

#[test]
fn without_huge_pages_the_small_ones_are_measured_and_the_reason_says_how_to_get_them() {
    // SAFETY: a system call on integers.
    let none = || Errno::result(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }).map(drop);
    let [small, transparent, pool] = ["pages-4k", "pages-transparent-huge", "pages-huge"]
        .map(|mechanism| format!("first-touch/thread/same-cpu/own/{mechanism}/0B-mem16MiB"));
    let (ended, place) = run_after(none, &[&small, &transparent, &pool]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_measured(&record, &small);
    assert_skipped(&record, &transparent, &["transparent"]);
    // Somebody may have filled the pool.
    if at(&record, &pool).outcome != Outcome::Measured {
        assert_skipped(&record, &pool, &["huge pages"]);
    }
}

#[test]
fn where_filters_are_refused_calls_are_measured_without() {
    let refused = Refusal { call: libc::SYS_prctl, first: Some(libc::PR_SET_SECCOMP), errno: Errno::EPERM };
    let [free, filtered, by_argument] = ["call", "call-under-seccomp", "call-under-seccomp-arguments"]
        .map(|workload| format!("{workload}/thread/same-cpu/own/getppid/0B"));
    let (ended, place) = run_after(move || refused.install(), &[&free, &filtered, &by_argument]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_measured(&record, &free);
    for id in [filtered, by_argument] {
        assert_skipped(&record, &id, &["prctl(PR_SET_SECCOMP", "EPERM", "a filter that is there already"]);
    }
}
