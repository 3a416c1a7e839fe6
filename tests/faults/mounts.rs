//! A /dev/shm that cannot be written, or is full: in a mount namespace that only the run is in.

use std::process::{Command, Stdio};

use ipcmark_harness::record::Outcome;

use crate::common::{Ended, Live, skip};
use crate::live_run::Place;

/// Runs in a namespace where /dev/shm is a tmpfs with these options, as root or as root of a user namespace; none where
/// neither is allowed, and then standard error says so.
fn run_with_dev_shm(options: &str, place: &Place) -> Option<Ended> {
    let mount = format!("mount -t tmpfs -o {options} tmpfs /dev/shm");
    let unshare = |namespaces: &str, script: &str| {
        let mut command = Command::new("unshare");
        command.args([namespaces, "sh", "-c", script, env!("CARGO_BIN_EXE_ipcmark")]).current_dir(place.path());
        command
    };
    let allowed = |namespaces: &&'static str| {
        let tried = unshare(namespaces, &mount).stdin(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let Some(namespaces) = ["-m", "-rm"].into_iter().find(allowed) else {
        skip("mounting a tmpfs needs unshare(1) and CAP_SYS_ADMIN, or user namespaces");
        return None;
    };
    let mut command = unshare(namespaces, &format!("{mount} && exec \"$0\" \"$@\""));
    command.args(["run", "--launches", "1", "--out", "record.jsonl", "round-trip/process/same-cpu/block"]);
    Some(Live::start(command).unwrap().end())
}

/// The ring is skipped with a reason that has these words, and everything else is as ever.
fn only_the_ring_is_skipped(options: &str, words: &[&str]) {
    let place = Place::new();
    let Some(ended) = run_with_dev_shm(options, &place) else { return };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.read();
    let ring = record.cells.iter().find(|cell| cell.mechanism == "shm-ring").unwrap();
    let reason = ring.reason.as_deref().unwrap();
    assert_eq!(ring.outcome, Outcome::Skipped);
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    let pipe = record.cells.iter().find(|cell| cell.mechanism == "pipe").unwrap();
    assert_eq!(pipe.outcome, Outcome::Measured);
    place.assert_nothing_left();
}

#[test]
fn where_dev_shm_cannot_be_written_the_ring_is_skipped_with_the_reason() {
    only_the_ring_is_skipped("ro", &["/dev/shm", "writable", "EROFS"]);
}

#[test]
fn where_dev_shm_is_full_the_ring_is_skipped_with_what_is_free_and_what_is_needed() {
    only_the_ring_is_skipped("size=64k", &["/dev/shm has 65536 bytes free", "need 525056"]);
}
