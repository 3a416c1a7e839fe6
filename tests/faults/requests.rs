//! What a user can get wrong: each ends the program before anything is measured, with what is allowed instead.

use std::path::Path;

use crate::common::{Live, assert_sentence, command, ipcmark, skip};
use crate::live_run::Place;

const CELL: &str = "round-trip/process/same-cpu/block/pipe/64B";

#[test]
fn an_unknown_filter_is_a_usage_error_with_near_misses() {
    let place = Place::new();
    for subcommand in ["list", "verify", "run"] {
        let ended = ipcmark(place.path(), &[subcommand, "unix-straem"]);
        assert_sentence(&ended, 2, &["`unix-straem` matches no cell", "did you mean", "`unix-stream`"]);
        assert!(ended.out.is_empty(), "{ended:?}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "a record of nothing was begun");
}

#[test]
fn one_unknown_filter_among_known_ones_is_still_a_usage_error() {
    let place = Place::new();
    let ended = ipcmark(place.path(), &["run", CELL, "no-such-thing"]);
    assert_sentence(&ended, 2, &["`no-such-thing` matches no cell"]);
}

#[test]
fn an_unknown_profile_is_a_usage_error_that_names_the_allowed_ones() {
    let place = Place::new();
    let ended = ipcmark(place.path(), &["run", "--profile", "fast"]);
    assert_sentence(&ended, 2, &["'fast'", "quick", "standard", "full"]);
}

#[test]
fn values_out_of_range_are_usage_errors_that_name_the_range() {
    let place = Place::new();
    let refused = [
        (["--launches", "0"], "1..=1000"),
        (["--cell-timeout", "0"], "between 0 and 86400"),
        (["--cell-timeout", "NaN"], "between 0 and 86400"),
        (["--tag", "rack"], "KEY=VALUE"),
        (["--seed", "-1"], "invalid"),
    ];
    for ([option, value], allowed) in refused {
        let given = format!("{option}={value}");
        assert_sentence(&ipcmark(place.path(), &["run", &given]), 2, &[option, allowed]);
    }
}

#[test]
fn resuming_takes_everything_from_the_record_and_refuses_other_wishes() {
    let place = Place::new();
    let ended = ipcmark(place.path(), &["run", "--resume", "record.jsonl", "--seed", "1"]);
    assert_sentence(&ended, 2, &["--resume", "--seed"]);
}

/// Nothing may have been measured for a record that cannot be kept.
#[track_caller]
fn refused_output(place: &Place, path: &Path, parts: &[&str]) {
    let path = path.to_str().unwrap();
    let ended = ipcmark(place.path(), &["run", CELL, "--launches", "1", "--out", path]);
    assert_sentence(&ended, 1, &[&["nothing was measured"], parts].concat());
    assert!(ended.out.is_empty(), "{ended:?}");
}

#[test]
fn a_full_disk_is_named_before_anything_is_measured() {
    refused_output(&Place::new(), Path::new("/dev/full"), &["/dev/full", "No space left on device"]);
}

#[test]
fn a_place_below_a_file_is_named_before_anything_is_measured() {
    let place = Place::new();
    std::fs::write(place.path().join("file"), "").unwrap();
    refused_output(&place, &place.path().join("file/record.jsonl"), &["/file: ", "not a directory"]);
    refused_output(&place, &place.path().join("file/deeper/record.jsonl"), &["/file/deeper: ", "Not a directory"]);
}

#[test]
fn a_folder_as_output_is_named_before_anything_is_measured() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("folder")).unwrap();
    refused_output(&place, &place.path().join("folder"), &["/folder exists", "choose another file"]);
}

#[test]
fn a_folder_without_permission_is_named_before_anything_is_measured() {
    if nix::unistd::geteuid().is_root() {
        skip("permissions do not bind root");
        return;
    }
    let place = Place::new();
    let folder = place.path().join("closed");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    refused_output(&place, &folder.join("record.jsonl"), &["/closed/record.jsonl", "Permission denied"]);
}

#[test]
fn without_a_record_at_the_place_of_our_own_choice_the_run_still_measures() {
    let place = Place::new();
    std::fs::write(place.path().join("results"), "in the way").unwrap();
    let ended = ipcmark(place.path(), &["run", CELL, "--launches", "1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("warning: no record is kept") && ended.err.contains("--out"), "{}", ended.err);
    assert!(ended.out.contains("pipe"), "{}", ended.out);
}

#[test]
fn the_workers_own_command_is_not_for_use_by_hand() {
    let place = Place::new();
    let own_number = std::process::id().to_string();
    for arguments in [&["__worker"][..], &["__worker", "x"], &["__worker", "1"], &["__worker", &own_number]] {
        let ended = Live::start(command(place.path(), arguments)).unwrap().end();
        assert_sentence(&ended, 2, &["__worker", "not for use by hand"]);
    }
}
