//! What the system may withhold: CPUs, queues, shared memory, descriptors.
#![allow(unsafe_code)] // `pre_exec`

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use ipcmark_harness::record::{Cell, Outcome};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::Pid;

use crate::program::{Ending, Folder, cells, finish, reason, run, skip};

fn with_limit(mut command: Command, resource: Resource, limit: u64) -> Ending {
    // SAFETY: setrlimit(2) is async-signal-safe, and nothing else is called between fork and exec.
    unsafe { command.pre_exec(move || Ok(setrlimit(resource, limit, limit)?)) };
    finish(command)
}

fn of<'a>(cells: &'a [Cell], mechanism: &str) -> &'a Cell {
    cells.iter().find(|cell| cell.mechanism == mechanism).expect("a cell of the mechanism")
}

#[test]
fn with_one_allowed_cpu_the_run_completes_and_pairs_of_cpus_are_skipped_with_the_reason() {
    let folder = Folder::new();
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu) == Ok(true)).unwrap();
    let mut command = run(&folder.record(), 1, &["block/pipe", "block/shm-ring"]);
    // SAFETY: sched_setaffinity(2) is async-signal-safe, and a CPU set is an array on the stack.
    unsafe {
        command.pre_exec(move || {
            let mut one = CpuSet::new();
            one.set(first)?;
            Ok(sched_setaffinity(Pid::from_raw(0), &one)?)
        })
    };
    finish(command).assert_code(0);
    let cells = cells(&folder.record());
    let at = |placement| cells.iter().filter(move |cell| cell.setup["placement"] == placement);
    assert!(at("same-cpu").count() > 0 && at("same-cpu").all(|cell| cell.outcome == Outcome::Measured), "{cells:?}");
    let skipped = |cell: &Cell| cell.outcome == Outcome::Skipped && reason(cell).contains("only one CPU is allowed");
    assert!(at("same-cache").count() > 0 && at("same-cache").all(skipped), "{cells:?}");
}

#[test]
fn without_room_for_queues_posix_mq_is_skipped_with_the_limit() {
    let folder = Folder::new();
    let command = run(&folder.record(), 1, &["round-trip/process/same-cpu/block"]);
    with_limit(command, Resource::RLIMIT_MSGQUEUE, 0).assert_code(0);
    let cells = cells(&folder.record());
    let queue = of(&cells, "posix-mq");
    assert_eq!(queue.outcome, Outcome::Skipped);
    assert!(
        reason(queue).contains("RLIMIT_MSGQUEUE allows 0 bytes") && reason(queue).contains("ulimit -q"),
        "{queue:?}"
    );
    assert_eq!(of(&cells, "pipe").outcome, Outcome::Measured);
}

#[test]
fn sixteen_descriptors_are_enough() {
    let folder = Folder::new();
    let command = run(&folder.record(), 1, &["round-trip/process/same-cpu/block"]);
    with_limit(command, Resource::RLIMIT_NOFILE, 16).assert_code(0);
    let cells = cells(&folder.record());
    assert!(cells.iter().all(|cell| cell.outcome == Outcome::Measured), "{cells:?}");
}

#[test]
fn too_few_descriptors_end_with_one_sentence() {
    let folder = Folder::new();
    let command = run(&folder.record(), 1, &["round-trip/process/same-cpu/block/pipe/64B"]);
    let ending = with_limit(command, Resource::RLIMIT_NOFILE, 4);
    let error = ending.assert_code(1).error();
    assert!(error.contains("Too many open files") || error.contains("EMFILE"), "{error}");
}

/// Runs it in a mount namespace of its own where /dev/shm is a tmpfs with these options; none where that is not allowed.
fn with_dev_shm(options: &str, record: &std::path::Path) -> Option<Ending> {
    let mount = format!("mount -t tmpfs -o {options} tmpfs /dev/shm");
    let tried = Command::new("unshare").args(["-m", "sh", "-c", &mount]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        skip("mounting a tmpfs in a mount namespace needs unshare(1) and CAP_SYS_ADMIN");
        return None;
    }
    let mut command = Command::new("unshare");
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    command.args(["-m", "sh", "-c", &script, env!("CARGO_BIN_EXE_ipcmark"), "run", "--launches", "1", "--out"]);
    command.arg(record).arg("round-trip/process/same-cpu/block");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(finish(command))
}

#[track_caller]
fn assert_only_shm_ring_is_skipped(options: &str, words: &[&str]) {
    let folder = Folder::new();
    let Some(ending) = with_dev_shm(options, &folder.record()) else { return };
    ending.assert_code(0);
    let cells = cells(&folder.record());
    let ring = of(&cells, "shm-ring");
    assert_eq!(ring.outcome, Outcome::Skipped);
    assert!(words.iter().all(|word| reason(ring).contains(word)), "{ring:?}");
    assert_eq!(of(&cells, "pipe").outcome, Outcome::Measured);
}

#[test]
fn where_dev_shm_cannot_be_written_the_ring_is_skipped_with_the_reason() {
    assert_only_shm_ring_is_skipped("ro", &["/dev/shm", "writable", "EROFS"]);
}

#[test]
fn where_dev_shm_is_full_the_ring_is_skipped_with_what_is_free_and_needed() {
    assert_only_shm_ring_is_skipped("size=64k", &["/dev/shm has 65536 bytes free", "need"]);
}
