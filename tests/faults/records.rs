//! Records that were cut off, changed, are in use or cannot grow; and the published schema against a real record with
//! every outcome.

use std::os::unix::process::CommandExt;

use ipcmark_harness::record::{self, Outcome};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Live, assert_sentence, command, ipcmark, lines};
use crate::live_run::{Place, Run};

const CELLS: [&str; 3] = [
    "round-trip/process/same-cpu/block/null/64B",
    "round-trip/process/same-cpu/block/pipe/64B",
    "stream/process/same-cpu/block/pipe/64B",
];

/// A finished run of the three cells, two launches each.
fn finished() -> Place {
    let (ended, place) = Run::start(&[&CELLS[..], &["--launches", "2"]].concat()).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    place
}

/// Leaves so many bytes of the record.
fn cut(place: &Place, keep: impl FnOnce(&str) -> usize) {
    let text = std::fs::read_to_string(place.record()).unwrap();
    std::fs::write(place.record(), &text[..keep(&text)]).unwrap();
}

#[test]
fn a_record_cut_off_in_the_middle_is_shown_with_a_warning_and_completed_by_resuming() {
    let place = finished();
    // Within the last of the three cells.
    cut(&place, |text| text.match_indices('\n').nth(3).unwrap().0 - 100);
    let shown = ipcmark(place.path(), &["show", "record.jsonl"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.err.contains("warning: record.jsonl:4: ") && shown.err.contains("cut off"), "{}", shown.err);
    assert!(shown.out.contains("mechanism"), "{}", shown.out);
    place.resume(&["run", "--resume", "record.jsonl"]);
}

#[test]
fn a_record_that_lacks_only_its_last_line_feed_loses_no_cell() {
    let place = finished();
    let before = place.read();
    cut(&place, |text| text.len() - 1);
    place.resume(&["run", "--resume", "record.jsonl"]);
    assert!(place.read() == before, "a cell was changed or measured again");
}

#[test]
fn a_record_that_ends_after_its_header_is_completed_by_resuming() {
    let place = finished();
    cut(&place, |text| text.find('\n').unwrap() + 1);
    place.resume(&["run", "--resume", "record.jsonl"]);
}

#[test]
fn a_record_cut_off_in_its_header_is_refused() {
    let place = finished();
    cut(&place, |text| text.find('\n').unwrap() / 2);
    for arguments in [["show", "record.jsonl"].as_slice(), &["run", "--resume", "record.jsonl"]] {
        assert_sentence(&ipcmark(place.path(), arguments), 1, &["record.jsonl:1: ", "header"]);
    }
}

#[test]
fn what_is_no_record_is_refused_with_file_and_line() {
    let place = Place::new();
    std::fs::write(place.record(), "{\"hello\": 1}\n").unwrap();
    for arguments in [["show", "record.jsonl"].as_slice(), &["run", "--resume", "record.jsonl"]] {
        assert_sentence(&ipcmark(place.path(), arguments), 1, &["record.jsonl:1: ", "schema"]);
    }
    assert_sentence(&ipcmark(place.path(), &["show", "absent.jsonl"]), 1, &["absent.jsonl", "No such file"]);
}

#[test]
fn a_run_of_another_machine_is_not_continued_here() {
    let place = finished();
    let mut record = lines(&place.record());
    record[0]["machine"]["fingerprint"]["value"] = "0123456789abcdef".into();
    std::fs::write(place.record(), format!("{}\n{}\n", record[0], record[1])).unwrap();
    let ended = ipcmark(place.path(), &["run", "--resume", "record.jsonl"]);
    assert_sentence(&ended, 5, &["record.jsonl", "another machine"]);
}

#[test]
fn a_record_that_is_being_written_is_not_written_by_a_second_run() {
    let run = Run::start(&[CELLS[1], "--profile", "full", "--launches", "100"]);
    run.launch();
    let ended = run.resume_beside();
    assert_sentence(&ended, 1, &["record.jsonl", "being written by another run"]);
    run.signal(Signal::SIGINT);
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    // Whether the interruption met a complete launch or not: no line is spoiled.
    assert!(place.read().cells.len() <= 1);
}

/// RLIMIT_FSIZE stands for a disk that fills up while the run goes on.
#[test]
#[allow(unsafe_code)]
fn a_record_that_cannot_grow_ends_the_run_and_keeps_completed_cells() {
    let place = finished();
    let header_and_a_cell = lines(&place.record())[..2].iter().map(|line| line.to_string().len() + 1).sum::<usize>();
    let room = header_and_a_cell as u64 + 8000;
    let mut many = command(place.path(), &["run", "same-cpu/block", "--launches", "1", "--out", "grown.jsonl"]);
    // SAFETY: setrlimit(2) is async-signal-safe, and nothing else is called between fork and exec.
    unsafe { many.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_FSIZE, room, room)?)) };
    let ended = Live::start(many).unwrap().end();
    assert_sentence(&ended, 1, &["grown.jsonl", "File too large", "every cell before is kept"]);
    let (record, warnings) = record::Record::read(&place.path().join("grown.jsonl")).unwrap();
    assert!(warnings.is_empty() && !record.cells.is_empty(), "{warnings:?}, {} cells", record.cells.len());
    place.assert_nothing_left();
}

/// A record with a measured, a skipped and a failed cell.
fn every_outcome() -> Place {
    let skipped = "stream/process/same-cpu/block/posix-mq/1MiB";
    let cells = ["round-trip/process/same-cpu/block/unix-stream/64B", CELLS[1], skipped];
    let run = Run::start(&[&cells[..], &["--profile", "full", "--launches", "8"]].concat());
    run.strike(|launch| launch.worker, Signal::SIGKILL);
    let (ended, place) = run.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    place
}

#[test]
fn every_line_of_a_real_record_fits_the_published_schema() {
    let place = every_outcome();
    let outcomes = place.read().cells.iter().map(|cell| cell.outcome).collect::<Vec<_>>();
    for outcome in [Outcome::Measured, Outcome::Skipped, Outcome::Failed] {
        assert!(outcomes.contains(&outcome), "{outcomes:?}");
    }
    let schema = jsonschema::validator_for(&record::schema()).unwrap();
    for line in lines(&place.record()) {
        let errors: Vec<String> = schema.iter_errors(&line).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {line}");
    }
}

#[test]
fn the_published_schema_refuses_lines_that_lack_what_readers_rely_on() {
    let place = finished();
    let schema = jsonschema::validator_for(&record::schema()).unwrap();
    let without = |line: &Value, key: &str| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove(key);
        line
    };
    let record = lines(&place.record());
    for (line, keys) in [(&record[0], ["schema", "machine"]), (&record[1], ["id", "outcome"])] {
        for key in keys {
            assert!(!schema.is_valid(&without(line, key)), "a line without {key} is taken");
        }
    }
}
