//! What is withheld from those who have children: processes, memory, huge pages.
#![allow(unsafe_code)] // prctl(2)

use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use serde_json::Value;

use crate::common::skip;
use crate::confined::{Step, World};
use crate::limits::{assert_measured, assert_skipped, run_after, support};
use crate::seccomp::Refusal;

fn fork_id(mechanism: &str, size: &str) -> String {
    format!("spawn/process/same-cpu/own/{mechanism}/0B-mem{size}")
}

/// How many processes the program itself has is its own affair: the first limit under which it can say anything is tried.
#[test]
fn who_may_have_no_more_processes_is_told_the_limit_and_has_what_is_born_without_the_kernel() {
    for limit in 2..10 {
        let Some(world) = World::new(&[Step::BecomeStranger, Step::Limit(Resource::RLIMIT_NPROC, limit)]) else {
            return;
        };
        let listed = world.ipcmark(&["list", "--json", "spawn/"]);
        let Ok(cells) = serde_json::from_str::<Vec<Value>>(&listed.out) else { continue };
        let support = |mechanism: &str| support(&cells, mechanism);
        if support("fork") == "available" {
            break;
        }
        for mechanism in ["fork", "vfork", "clone3", "posix-spawn", "fork-exec", "pthread", "std-thread"] {
            let reason = support(mechanism);
            let named =
                format!("RLIMIT_NPROC allows {limit} processes and threads of this user, raise it with `ulimit -u`");
            assert!(reason.contains(&named), "{mechanism}: {reason}");
        }
        assert_eq!(support("corosensei-spawn"), "available");
        return;
    }
    skip("no limit of processes leaves room for the program and none for a child");
}

#[test]
fn a_parent_beyond_the_address_space_is_skipped_with_the_limit() {
    let limited = || setrlimit(Resource::RLIMIT_AS, 512 << 20, 512 << 20);
    let [large, small] = ["1024MiB", "1MiB"].map(|size| fork_id("fork", size));
    let (ended, place) = run_after(limited, &[&large, &small]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_skipped(&record, &large, &["RLIMIT_AS allows 536870912 bytes", "1073741824 more are needed", "ulimit -v"]);
    assert_measured(&record, &small);
}

#[test]
fn without_huge_pages_forks_of_small_ones_are_measured() {
    // SAFETY: a system call on integers.
    let none = || Errno::result(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }).map(drop);
    let [small, huge] = ["fork", "fork-huge"].map(|mechanism| fork_id(mechanism, "16MiB"));
    let (ended, place) = run_after(none, &[&small, &huge]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_measured(&record, &small);
    assert_skipped(&record, &huge, &["transparent"]);
}

#[test]
fn where_clone3_is_refused_it_is_skipped_with_the_kernels_word() {
    let refused = Refusal { call: libc::SYS_clone3, first: None, errno: Errno::ENOSYS };
    let clone3 = "spawn/process/same-cpu/own/clone3/0B".to_owned();
    let fork = fork_id("fork", "1MiB");
    let (ended, place) = run_after(move || refused.install(), &[&clone3, &fork]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    assert_skipped(&record, &clone3, &["clone3", "os error 38"]);
    assert_measured(&record, &fork);
}
