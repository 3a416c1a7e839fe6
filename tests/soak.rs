//! `ipcmark soak` through the real binary. In a test program of its own, and its tests one after the other: what other tests make
//! meanwhile would count as left behind.

mod common;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{Live, assert_sentence, command, ipcmark, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn every_shape_has_its_turns_and_nothing_grows_or_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let ended = ipcmark(folder.path(), &["soak", "--profile", "quick", "--minutes", "0.3", "--turn", "0.1", "--json"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.err, ended.out);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let mechanisms = told["mechanisms"].as_array().unwrap();
    assert!(mechanisms.len() > 10, "{told}");
    assert!(mechanisms.iter().all(|m| m["turns"].as_u64() > Some(0) && m["operations"].as_u64() > Some(0)), "{told}");
}

#[test]
fn what_appears_meanwhile_and_stays_is_told_of() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let soak = Live::start(command(folder.path(), &["soak", "--minutes", "0.1", "--turn", "1", "pipe/64B"])).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let made = std::process::Command::new("ipcmk").arg("-Q").output();
    let Some(id) =
        made.ok().and_then(|made| String::from_utf8_lossy(&made.stdout).split_whitespace().last().map(String::from))
    else {
        skip("ipcmk(1) makes no message queue here");
        return;
    };
    let ended = soak.end();
    assert!(std::process::Command::new("ipcrm").args(["-q", &id]).status().unwrap().success());
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.err, ended.out);
    assert!(ended.out.contains(&format!("left /proc/sysvipc/msg: id {id}")), "{}", ended.out);
}

#[test]
fn an_interrupted_soak_says_what_it_has_seen() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let soak = Live::start(command(folder.path(), &["soak", "--minutes", "10", "--turn", "0.5", "pipe/64B"])).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let asked = Instant::now();
    kill(Pid::from_raw(soak.pid()), Signal::SIGINT).unwrap();
    let ended = soak.end();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(asked.elapsed() < Duration::from_secs(60) && ended.out.contains("in all"), "{}", ended.out);
}

#[test]
fn filters_that_mean_nothing_that_can_run_here_are_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_sentence(&ipcmark(folder.path(), &["soak", "no-such-thing"]), 2, &["no-such-thing", "matches no cell"]);
}
