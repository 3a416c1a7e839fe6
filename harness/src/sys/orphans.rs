//! Workers, peers and what they started, whose front end has ended: for `ipcmark clean`, which ends them.
//!
//! Most end by themselves (`sys/front_end.rs`). What stays was stopped once more in the microseconds after the front end's end,
//! or is traced, or waits for a child that is. SIGKILL ends each of these, whichever process has adopted it.
//!
//! A process is taken for ours by three things together: the arguments that a worker is started with, the variable that only a
//! launcher sets, and that the front end named in the arguments has ended, by its number and its start time. Its user must be that
//! of this process, and its namespace of processes the same, in which that number means the same. Forked peers have the same
//! arguments; what a worker executed has others, and is found by the process group that the worker has made.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid, getpgrp};

use super::pidfd::{pidfd_open, pidfd_send_signal};
use super::process::{all, lives, stat};
use super::tried;
use crate::launch::PADDING;
use crate::worker::HIDDEN_COMMAND;

/// How long a process that was sent SIGKILL may take to end, in milliseconds.
const ENDING_MS: u16 = 5000;
/// How often, and after which pause each, one is looked at where the kernel has no descriptors of processes.
const LOOKS: u32 = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A process whose front end has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its number.
    pub process: i32,
    /// The number of its front end.
    pub front_end: i32,
    start_ticks: u64,
}

/// All of this user that /proc shows, in this namespace of processes.
pub fn orphans() -> Vec<Orphan> {
    let mut found: Vec<Orphan> = all().filter_map(Orphan::judge).collect();
    let groups = groups_of(&found);
    let known: BTreeSet<i32> = found.iter().map(|orphan| orphan.process).collect();
    let others = all().filter(|process| !known.contains(process));
    found.extend(others.filter_map(|process| {
        let stat = stat(process).ok().filter(|stat| !stat.has_ended)?;
        let (_, front_end) = groups.iter().find(|(group, _)| *group == stat.group)?;
        is_of_this_user(process).then_some(Orphan { process, front_end: *front_end, start_ticks: stat.start_ticks })
    }));
    found
}

/// The process groups that workers among these have made, with their front end: a worker is the first process of its group, and
/// as long as one of the group lives no other process gets its number.
fn groups_of(orphans: &[Orphan]) -> Vec<(i32, i32)> {
    let own = getpgrp().as_raw();
    let group_of = |orphan: &Orphan| Some((stat(orphan.process).ok()?.group, orphan.front_end));
    let is_of_a_worker = |group: i32| {
        let first_is_one = orphans.iter().any(|orphan| orphan.process == group);
        group > 1
            && group != own
            && (first_is_one || stat(group).is_ok_and(|first| first.has_ended) || stat(group).is_err())
    };
    orphans.iter().filter_map(group_of).filter(|(group, _)| is_of_a_worker(*group)).collect()
}

fn is_of_this_user(process: i32) -> bool {
    fs::metadata(format!("/proc/{process}")).is_ok_and(|of| of.uid() == geteuid().as_raw())
}

fn has_this_namespace(process: i32) -> bool {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/pid")).ok();
    namespace("self") == namespace(&process.to_string())
}

impl Orphan {
    /// What this process is, if it is one.
    fn judge(process: i32) -> Option<Orphan> {
        let stat = stat(process).ok().filter(|stat| !stat.has_ended)?;
        let (front_end, started) = front_end_in(&fs::read(format!("/proc/{process}/cmdline")).ok()?)?;
        let is_ours = is_of_this_user(process) && has_this_namespace(process) && was_launched(process);
        let is_gone = lives(front_end, started) == Ok(false);
        (is_ours && is_gone).then_some(Orphan { process, front_end, start_ticks: stat.start_ticks })
    }

    /// Whether its number still means the same process.
    fn is_there(&self) -> bool {
        lives(self.process, self.start_ticks) != Ok(false)
    }

    /// SIGKILL, and waits until it has ended. The error says why it has not.
    pub fn end(&self) -> Result<(), String> {
        // After this the number may become another's: not so the descriptor.
        let descriptor = pidfd_open(Pid::from_raw(self.process)).ok();
        if !self.is_there() {
            return Ok(());
        }
        let sent = match &descriptor {
            Some(descriptor) => pidfd_send_signal(descriptor, libc::SIGKILL),
            None => kill(Pid::from_raw(self.process), Signal::SIGKILL),
        };
        if let (Err(errno), true) = (sent, self.is_there()) {
            return Err(format!("SIGKILL was refused: {errno}"));
        }
        if descriptor.is_some_and(has_ended) || tried(LOOKS, BETWEEN_LOOKS, || !self.is_there()) {
            return Ok(());
        }
        let state = stat(self.process).map_or('?', |stat| stat.state);
        Err(format!("SIGKILL was sent, and it has not ended: its state is {state}"))
    }
}

/// Within the time that is allowed.
fn has_ended(descriptor: OwnedFd) -> bool {
    poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], ENDING_MS) == Ok(1)
}

/// The number and the start time of the front end in a worker's arguments, as /proc/pid/cmdline has them.
fn front_end_in(arguments: &[u8]) -> Option<(i32, u64)> {
    let arguments: Vec<&[u8]> = arguments.strip_suffix(b"\0")?.split(|byte| *byte == 0).collect();
    let [_, .., command, process, started] = arguments[..] else { return None };
    let number = |text: &[u8]| OsStr::from_bytes(text).to_str()?.parse::<u64>().ok();
    let process = number(process).and_then(|process| i32::try_from(process).ok()).filter(|process| *process > 0)?;
    (command == HIDDEN_COMMAND.as_bytes()).then_some((process, number(started)?))
}

/// Whether its environment, as it was when it was executed, has the variable that a launcher sets.
fn was_launched(process: i32) -> bool {
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    let name = PADDING.as_bytes();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"=")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arguments_of_a_worker_name_a_front_end() {
        assert_eq!(front_end_in(b"ipcmark-worker\0__worker\x0012\x0034\0"), Some((12, 34)));
        assert_eq!(front_end_in(b"env\0A=b\0ipcmark\0__worker\x0012\x0034\0"), Some((12, 34)));
        let others: [&[u8]; 8] = [
            b"",
            b"ipcmark-worker\0__worker\0",
            b"ipcmark-worker\0__worker\x0012\0",
            b"ipcmark-worker\0__worker\x0012\0\0",
            b"__worker\x0012\x0034\0",
            b"ipcmark-worker\0__worker\x00-1\x0034\0",
            b"ipcmark-worker\0__worker\x000\x0034\0",
            b"ipcmark-worker\0__worker\x0012\x0034\x0056\0",
        ];
        for arguments in others {
            assert_eq!(front_end_in(arguments), None, "{}", String::from_utf8_lossy(arguments));
        }
    }

    #[test]
    fn this_process_was_not_launched() {
        assert!(!was_launched(std::process::id() as i32));
        assert!(Orphan::judge(std::process::id() as i32).is_none());
    }
}
