//! What a user can get wrong, and records that cannot be written or read to their end.

use ipcmark_harness::record::Outcome;

use crate::program::{Folder, cells, finish, ipcmark, run};

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

#[test]
fn an_unknown_filter_ends_with_code_2_and_near_misses() {
    let ending = finish(ipcmark(&["run", "--dry-run", "unix-straem"]));
    let error = ending.assert_code(2).error();
    assert!(error.contains("`unix-straem` matches no cell") && error.contains("`unix-stream`"), "{error}");
}

#[test]
fn an_unknown_profile_ends_with_code_2_and_the_allowed_ones() {
    let ending = finish(ipcmark(&["run", "--profile", "slow"]));
    ending.assert_code(2);
    let said = ["slow", "quick", "standard", "full"].iter().all(|word| ending.stderr.contains(word));
    assert!(said, "{}", ending.stderr);
}

#[test]
fn zero_launches_end_with_code_2_and_the_allowed_range() {
    let ending = finish(ipcmark(&["run", "--launches", "0"]));
    ending.assert_code(2);
    assert!(ending.stderr.contains("1..=1000"), "{}", ending.stderr);
}

#[test]
fn an_output_below_a_file_ends_with_code_1_before_anything_is_measured() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let ending = finish(run(&folder.path().join("file/record.jsonl"), 1, &[CELL]));
    let error = ending.assert_code(1).error();
    assert!(error.contains("file/record.jsonl") || error.contains("/file"), "{error}");
    assert!(ending.stdout.is_empty(), "{}", ending.stdout);
}

#[test]
fn a_full_disk_ends_with_code_1_and_the_systems_word() {
    let ending = finish(run("/dev/full".as_ref(), 1, &[CELL]));
    let error = ending.assert_code(1).error();
    assert!(error.contains("/dev/full") && error.contains("No space left on device"), "{error}");
}

#[test]
fn a_record_is_never_overwritten() {
    let folder = Folder::new();
    finish(run(&folder.record(), 1, &[CELL])).assert_code(0);
    let before = std::fs::read(folder.record()).unwrap();
    let ending = finish(run(&folder.record(), 1, &[CELL]));
    let error = ending.assert_code(1).error();
    assert!(error.contains("exists") && error.contains("--resume"), "{error}");
    assert_eq!(std::fs::read(folder.record()).unwrap(), before);
}

#[test]
fn a_record_cut_off_in_the_middle_is_shown_with_a_warning_and_completed_by_resume() {
    let folder = Folder::new();
    let filters = ["round-trip/process/same-cpu/block/pipe", "round-trip/process/same-cpu/block/unix-stream"];
    finish(run(&folder.record(), 2, &filters)).assert_code(0);
    let whole = std::fs::read(folder.record()).unwrap();
    std::fs::write(folder.record(), &whole[..whole.len() - 40]).unwrap();
    let record = folder.record().to_str().unwrap().to_owned();
    let shown = finish(ipcmark(&["show", &record]));
    shown.assert_code(0);
    assert!(shown.stderr.contains("warning: ") && shown.stderr.contains("cut off"), "{}", shown.stderr);
    finish(ipcmark(&["run", "--resume", &record])).assert_code(0);
    let cells = cells(&folder.record());
    assert_eq!(cells.len(), 2);
    assert!(cells.iter().all(|cell| cell.outcome == Outcome::Measured && cell.launches == 2), "{cells:?}");
}

#[test]
fn a_file_that_is_no_record_is_refused_with_file_and_line() {
    let folder = Folder::new();
    std::fs::write(folder.record(), "{\"hello\": 1}\n").unwrap();
    let record = folder.record().to_str().unwrap().to_owned();
    for args in [["show", &record].as_slice(), &["run", "--resume", &record]] {
        let ending = finish(ipcmark(args));
        let error = ending.assert_code(1).error();
        assert!(error.contains("record.jsonl:1: "), "{error}");
    }
}

#[test]
fn the_workers_own_command_is_not_for_use_by_hand() {
    let ending = finish(ipcmark(&["__worker"]));
    assert!(ending.assert_code(2).error().contains("not for use by hand"));
}
