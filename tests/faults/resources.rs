//! What runs out, fails or is missing while a run works: disks, processes, memory, and the file systems of the kernel.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;

use ipcmark_harness::record::{Outcome, Record};
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::geteuid;

use crate::common::{Ended, Live, assert_sentence, command, skip};
use crate::confined::Step::{self, BecomeStranger, Mount};
use crate::confined::{World, become_user, device, own_users, stranger};
use crate::live_run::Place;
use crate::withheld::{ONE_OF_EACH, none_fails};

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";

#[test]
fn a_disk_that_fills_up_during_a_run_ends_it_and_keeps_completed_cells() {
    let Some(world) = World::new(&[Mount(c"tmpfs", c"other", c"size=32k")]) else { return };
    // What was kept is taken out of the world before that ends.
    let args = ["run", "--launches", "1", "--out", "other/record.jsonl", "round-trip/process/same-cpu/block"];
    let ended = world.ipcmark_before("cp other/record.jsonl record.jsonl", &args);
    assert_sentence(&ended, 1, &["other/record.jsonl", "No space left on device", "every cell before is kept"]);
    let record = world.place().read();
    assert!(!record.cells.is_empty() && record.cells.len() < record.header.selection.cells.len(), "{ended:?}");
}

#[test]
fn a_file_system_that_is_read_only_is_named_before_anything_is_measured() {
    let Some(world) = World::new(&[Mount(c"tmpfs", c"other", c"ro")]) else { return };
    let ended = world.ipcmark(&["run", "--launches", "1", "--out", "other/record.jsonl", PIPE]);
    assert_sentence(&ended, 1, &["nothing was measured", "other/record.jsonl", "Read-only file system"]);
}

/// EIO as the kernel gives it: of a terminal whose other end has gone. A failing disk says the same to write(2).
#[test]
fn a_record_whose_device_fails_ends_the_run_after_the_line_that_was_written() {
    let terminal = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).unwrap();
    let name = ptsname_r(&terminal).unwrap();
    let place = Place::new();
    let args = ["run", "--launches", "1", "--out", &name, "round-trip/process/same-cpu/block"];
    let run = Live::start(command(place.path(), &args)).unwrap();
    let mut lines = BufReader::new(terminal).lines();
    let header = lines.next().unwrap().unwrap();
    assert!(header.contains("\"schema\""), "{header}");
    drop(lines);
    let ended = run.end();
    assert_sentence(&ended, 1, &[&name, "Input/output error", "every cell before is kept"]);
    place.assert_nothing_left();
}

/// Runs `ipcmark` under a limit; as a user of its own where that is possible, for the kernel counts what a user has.
#[allow(unsafe_code)]
fn limited(resource: Resource, limit: u64, stranger: Option<u32>, args: &[&str]) -> (Ended, Place) {
    let place = Place::new();
    if let Some(user) = stranger {
        chown(place.path(), Some(user), Some(user)).unwrap();
    }
    let mut command = command(place.path(), args);
    let limits = move || {
        stranger.map_or(Ok(()), become_user)?;
        setrlimit(resource, limit, limit)
    };
    // SAFETY: setgroups(2), setgid(2), setuid(2) and setrlimit(2) are all it calls, on values of its own.
    unsafe { command.pre_exec(move || limits().map_err(std::io::Error::from)) };
    let ended = Live::start(command).unwrap().end();
    place.assert_nothing_left();
    (ended, place)
}

/// No number, no panic and no silence: a run, or one sentence, or cells that failed for a reason.
fn judged(ended: &Ended, place: &Place, words: &[&str]) {
    let context = format!("{ended:?}");
    assert!(!ended.err.contains("panicked"), "{context}");
    if ended.signal.is_some() {
        // What an allocation that fails says; a program without memory has no more to say.
        assert!(ended.err.contains("memory allocation of ") && words.contains(&"memory"), "{context}");
        return;
    }
    let record = Record::read(&place.record()).map(|(record, _)| record.cells).unwrap_or_default();
    let failed: Vec<_> = record.iter().filter(|cell| cell.outcome == Outcome::Failed).collect();
    match ended.code {
        Some(0) => assert!(failed.is_empty() && !record.is_empty(), "{context}"),
        _ if failed.is_empty() => {
            assert_sentence(ended, 1, &[]);
            assert!(words.iter().any(|word| ended.err.contains(word)), "{context}");
        }
        _ => assert_eq!(ended.code, Some(1), "{context}"),
    }
    for cell in failed {
        let reason = cell.reason.as_deref().unwrap_or_default();
        assert!(words.iter().any(|word| reason.contains(word)), "{}: {reason}", cell.id);
    }
}

const RUN: [&str; 6] = ["run", "--launches", "1", "--out", "record.jsonl", PIPE];

#[test]
fn too_few_processes_are_named_with_their_limit() {
    if !geteuid().is_root() {
        return skip("only root can become another user, whose processes are counted apart");
    }
    let ends: Vec<Option<i32>> = (1..6)
        .map(|limit| {
            let (ended, place) = limited(Resource::RLIMIT_NPROC, limit, Some(stranger()), &RUN);
            judged(&ended, &place, &["RLIMIT_NPROC"]);
            ended.code
        })
        .collect();
    assert!(ends.contains(&Some(0)) && ends.contains(&Some(1)), "the limits meet nothing: {ends:?}");
}

#[test]
fn too_little_memory_is_told_in_one_sentence_wherever_it_runs_out() {
    let starts = |kibibytes: &u64| {
        let (ended, _) = limited(Resource::RLIMIT_AS, kibibytes << 10, None, &["--version"]);
        ended.code == Some(0)
    };
    // Below that the dynamic linker itself has no room, and says so in its own words, or in none.
    let least = (8..512).map(|mebibytes| mebibytes << 10).find(starts).unwrap();
    let mut ends = Vec::new();
    for kibibytes in (least..least + (8 << 10)).step_by(512).chain([least * 2, least * 4]) {
        let (ended, place) = limited(Resource::RLIMIT_AS, kibibytes << 10, None, &RUN);
        judged(&ended, &place, &["memory", "killed by signal 6"]);
        ends.push(ended.code);
    }
    assert!(ends.contains(&Some(0)), "{ends:?}");
}

#[test]
fn without_proc_the_program_says_that_it_needs_it() {
    let Some(world) = World::new(&[Mount(c"tmpfs", c"/proc", c"")]) else { return };
    assert_sentence(&world.ipcmark(&RUN), 1, &["/proc"]);
}

#[test]
fn without_sys_everything_runs() {
    none_fails_of_each(&[Mount(c"tmpfs", c"/sys", c"")]);
}

fn none_fails_of_each(steps: &[Step]) {
    ONE_OF_EACH.iter().for_each(|filter| none_fails(steps, filter));
}

#[test]
fn without_dev_shm_everything_else_runs() {
    let devices = [c"/dev/null", c"/dev/zero", c"/dev/urandom", c"/dev/ptmx"].map(device);
    none_fails_of_each(&[&[Mount(c"tmpfs", c"/dev", c"mode=755")], &devices[..]].concat());
}

#[test]
fn a_user_without_rights_can_run_everything_that_the_limits_allow() {
    none_fails_of_each(&[BecomeStranger]);
}

#[test]
fn in_a_user_namespace_everything_runs() {
    none_fails_of_each(&own_users());
}

/// Standard output is where tables go: it may be a full disk, or a pager that was left.
#[test]
fn output_that_cannot_be_written_is_no_panic() {
    let place = Place::new();
    for args in [&["list"][..], &["list", "--json"], &RUN] {
        let mut command = command(place.path(), args);
        command.stdout(File::options().write(true).open("/dev/full").unwrap());
        let ended = Live::start_with_output(command).unwrap().end();
        assert_sentence(&ended, 1, &["No space left on device"]);
    }
    assert_eq!(place.read().cells.len(), 1, "the record has what could not be shown");
}
