//! The leases on this machine, and whether their owners live.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::Folder;
use super::owner::Owner;
use super::sweep::{How, Leavings};
use super::{DISK, NAMES_PER_WORKER};

/// An owner says so microseconds after its folder is there: one that has not in this time never will.
const UNFINISHED: Duration = Duration::from_secs(60);

/// Something with the name of a lease.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The folder.
    pub path: PathBuf,
    /// Whether it may be swept.
    pub state: State,
    token: Option<u64>,
    disk: Option<PathBuf>,
}

/// Whether a lease may be swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its owner lives.
    Live {
        /// The owner's number.
        process: i32,
        /// How long ago the lease was made.
        age: Duration,
    },
    /// Its owner is gone.
    Dead,
    /// It is not ours, or nobody can tell; why.
    Unclear(String),
}

/// Every lease of any user in /dev/shm, the folder for temporary files and /var/tmp. A lease's folder on a disk is part of it.
///
/// Fails where procfs does not tell who lives.
pub fn leases() -> Result<Vec<Lease>, String> {
    let here = Owner::of_this_process(0)?;
    let mut places = vec![PathBuf::from("/dev/shm"), super::temporary_folder(), PathBuf::from("/var/tmp")];
    places.dedup();
    let mut leases: Vec<Lease> = places.iter().flat_map(|place| leases_in(place, &here)).collect();
    let disks: Vec<PathBuf> = leases.iter().filter_map(|lease| lease.disk.clone()).collect();
    leases.retain(|lease| !disks.contains(&lease.path));
    Ok(leases)
}

pub(super) fn leases_in(place: &Path, here: &Owner) -> Vec<Lease> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        entries.filter(|entry| is_lease_name(&entry.file_name())).map(|entry| entry.path()).collect();
    paths.sort();
    let leases = paths.into_iter().map(|path| Lease::judge(path, here));
    // Workers end meanwhile.
    leases.filter(|lease| lease.path.symlink_metadata().is_ok()).collect()
}

/// `ipcmark-` and sixteen hexadecimal digits.
fn is_lease_name(name: &OsStr) -> bool {
    let digits = name.to_str().and_then(|name| name.strip_prefix("ipcmark-")).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The folder on a disk of a lease, if it has one.
pub(super) fn disk_of(lease: &Folder) -> Option<Folder> {
    let path = PathBuf::from(lease.text(DISK)?);
    if path.file_name().is_some_and(is_lease_name) { Folder::open(&path).ok() } else { None }
}

impl Lease {
    fn judge(path: PathBuf, here: &Owner) -> Lease {
        let folder = match Folder::open(&path) {
            Ok(folder) => folder,
            Err(why) => return Lease { path, state: State::Unclear(why), token: None, disk: None },
        };
        let disk = disk_of(&folder).map(|disk| disk.path().to_owned());
        let owner = Owner::of(&folder);
        let state = match owner.as_ref().map(|owner| (owner.process, owner.lives(here))) {
            None => unfinished(&path),
            Some((process, Ok(true))) => State::Live { process, age: age(&path.join("owner")) },
            Some((_, Ok(false))) => State::Dead,
            Some((_, Err(why))) => State::Unclear(why),
        };
        Lease { path, state, token: owner.map(|owner| owner.token), disk }
    }

    /// For a look at what would be left of it: whether it would be dead if these owners had ended.
    pub fn suppose_ended(&mut self, has_ended: impl Fn(i32) -> bool) {
        if matches!(self.state, State::Live { process, .. } if has_ended(process)) {
            self.state = State::Dead;
        }
    }

    /// Sweeps it if its owner is gone, and calls `found` with each thing that is removed, or would be. The error says
    /// why something is left.
    pub fn clean(&self, how: How, found: &mut dyn FnMut(fmt::Arguments<'_>)) -> Result<(), String> {
        if self.state != State::Dead {
            return Err("its owner may live".into());
        }
        let folder = Folder::open(&self.path)?;
        let disk = disk_of(&folder);
        let (token, names) = self.token.map_or((0, 0), |token| (token, NAMES_PER_WORKER));
        let leavings = Leavings { token, names, lease: Some(&folder), disk: disk.as_ref() };
        leavings.sweep(how, found).map_err(|errno| format!("rmdir: {errno}: what else is in it is not ipcmark's"))
    }
}

/// A folder that does not say whose it is.
fn unfinished(path: &Path) -> State {
    let age = age(path);
    let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    match is_empty {
        true if age >= UNFINISHED => State::Dead,
        true => State::Unclear("is empty, made a moment ago: it is removed if it is still so in a minute".into()),
        false => State::Unclear("does not say whose it is".into()),
    }
}

/// How long something has been as it is.
fn age(path: &Path) -> Duration {
    let modified = path.symlink_metadata().and_then(|about| about.modified());
    modified.ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}
