//! Names for kernel objects: unpredictable, ours, and gone again whatever is killed.
//!
//! A name is `ipcmark-<token>-<n>`. The front end draws the token (64 bits of getrandom(2)) for each worker and passes
//! it on. Before a worker gives its first name out, it makes a **lease**: a private folder that says whose the token
//! is. Whoever is left removes what is left:
//!
//! | what ends | who removes what has a name |
//! | --- | --- |
//! | the session, or the front end | the worker, from a signal handler if need be: [`leave`] |
//! | the worker | the front end, after it has reaped it |
//! | both at once, by SIGKILL | `ipcmark clean`, which finds the lease: [`leases`] |
//! | the front end, while the worker is stopped again or traced | the same, which ends the worker first: [`super::orphans`] |
//!
//! A name that is unlinked within [`held`] meets the last case only when SIGKILL falls into those few microseconds.

mod folder;
mod left;
mod owner;
mod sweep;
mod tree;

use std::ffi::CStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, getpid};
use serde::{Deserialize, Serialize};

use folder::Folder;
use owner::Owner;
use sweep::Leavings;

pub use left::{Lease, State, leases};
pub use sweep::How;

/// How many names, paths and keys one worker may use, all kinds together: a sweep tries each. A cell takes ten
/// at most; a contract clause that makes a new pair for every message size takes five for each of fifteen sizes.
const NAMES_PER_WORKER: u64 = 128;

/// The signal the kernel sends a worker when its front end dies: it can be held back for a moment, unlike SIGKILL, and makes
/// a stopped worker go on, unlike any other.
pub const PARENT_DEATH: Signal = Signal::SIGCONT;
/// Further signals that end a worker in good order. An orphaned process group is sent SIGHUP too if a process in it is stopped,
/// such as a peer (setpgid(2)).
pub const ENDINGS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGHUP];

/// The links in a lease: who made it, and where its folder on a disk is. A link is written whole or not at all, and
/// takes no page of a tmpfs; nothing follows it.
const OWNER: &CStr = c"owner";
const DISK: &CStr = c"disk";

/// The names of this process.
static NAMES: OnceLock<Names> = OnceLock::new();

/// What a front end draws for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drawn {
    /// In every name.
    token: u64,
    /// Where the lease may be: the first place that allows it. Everybody can see its name, so the token is not in it.
    leases: Vec<String>,
}

impl Drawn {
    /// A fresh token; the lease is in /dev/shm or, where that cannot be written, in the folder for temporary files.
    pub fn draw() -> Drawn {
        let name = format!("ipcmark-{:016x}", draw_token());
        let places = [PathBuf::from("/dev/shm"), temporary_folder()];
        let leases = places.iter().filter_map(|place| place.join(&name).to_str().map(str::to_owned)).collect();
        Drawn { token: draw_token(), leases }
    }

    /// Removes everything that a dead worker with these names may have left.
    pub(crate) fn sweep(&self) {
        let lease = self.leases.iter().find_map(|path| Folder::open(Path::new(path)).ok());
        let disk = lease.as_ref().and_then(left::disk_of);
        let leavings =
            Leavings { token: self.token, names: NAMES_PER_WORKER, lease: lease.as_ref(), disk: disk.as_ref() };
        // ENOENT is the usual answer: workers unlink each name themselves.
        let _ = leavings.sweep(How::Remove, &mut |_| ());
    }
}

/// `TMPDIR`, or /tmp where that is not UTF-8: workers are told of it in JSON.
pub(super) fn temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.to_str().is_some() { folder } else { "/tmp".into() }
}

/// Sixty-four bits that nobody can guess: of getrandom(2), through the standard library's hasher keys.
pub(crate) fn draw_token() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish() | 1
}

/// A private folder, or why there is none.
type Made = Result<Folder, String>;

/// The names of one process, and the folders it has made for them.
struct Names {
    drawn: Drawn,
    /// Forked peers inherit all of this, and it is not theirs.
    process: Pid,
    /// Only counted with, so every ordering will do.
    next: AtomicU64,
    lease: OnceLock<Made>,
    disk: OnceLock<Made>,
}

impl Names {
    fn new(drawn: Drawn) -> Names {
        Names { drawn, process: getpid(), next: AtomicU64::new(0), lease: OnceLock::new(), disk: OnceLock::new() }
    }

    /// The next number. What it is for can be found again if a lease is possible here.
    fn number(&self) -> u64 {
        let _ = self.lease();
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(n < NAMES_PER_WORKER, "a worker may name {NAMES_PER_WORKER} kernel objects, this is number {n}");
        n
    }

    fn name(&self) -> String {
        format!("ipcmark-{:016x}-{}", self.drawn.token, self.number())
    }

    fn lease(&self) -> io::Result<&Folder> {
        made(&self.lease, || {
            let owner = Owner::of_this_process(self.drawn.token)?;
            first(self.drawn.leases.iter().map(|path| owner.make(Path::new(path))))
        })
    }

    fn disk(&self) -> io::Result<&Folder> {
        let lease = self.lease()?;
        made(&self.disk, || {
            let owner = Owner::of_this_process(self.drawn.token)?;
            let places = [Some("/var/tmp".into()), std::env::current_dir().ok(), std::env::home_dir()];
            first(places.iter().flatten().map(|place| owner.make_on_disk(place, lease)))
        })
    }

    /// Removes everything. Runs in a signal handler too: no allocation, no locks.
    fn leave(&self) {
        if self.process != getpid() {
            return;
        }
        let names = self.next.load(Ordering::Relaxed).min(NAMES_PER_WORKER);
        let (lease, disk) = (present(&self.lease), present(&self.disk));
        let leavings = Leavings { token: self.drawn.token, names, lease, disk };
        let _ = leavings.sweep(How::Remove, &mut |_| ());
    }
}

/// What `cell` holds, made by `make` the first time.
fn made(cell: &OnceLock<Made>, make: impl FnOnce() -> Made) -> io::Result<&Folder> {
    // Held: the signal handler removes what is in the cell.
    let made = cell.get().unwrap_or_else(|| held(|| cell.get_or_init(make)));
    made.as_ref().map_err(|why| io::Error::other(why.clone()))
}

fn present(cell: &OnceLock<Made>) -> Option<&Folder> {
    cell.get()?.as_ref().ok()
}

/// The first folder that can be made, or why none can.
fn first(tries: impl Iterator<Item = Made>) -> Made {
    let mut reasons = Vec::new();
    for made in tries {
        match made {
            Ok(folder) => return Ok(folder),
            Err(reason) => reasons.push(reason),
        }
    }
    let reasons = if reasons.is_empty() { "no front end would remove it".into() } else { reasons.join("; ") };
    Err(format!("no private folder for names can be made: {reasons}"))
}

/// Makes these the names of this process. Later calls change nothing.
pub fn adopt(drawn: Drawn) {
    let _ = NAMES.set(Names::new(drawn));
}

/// Where no front end gave names, they are drawn; a lease is not made there, because nobody would remove it.
fn names() -> &'static Names {
    NAMES.get_or_init(|| Names::new(Drawn { token: draw_token(), leases: Vec::new() }))
}

/// The next unused name, without a leading slash, for POSIX message queues, shared memory and semaphores.
///
/// # Panics
/// After 128 names, paths and keys together: nothing in the suite needs more, and no sweep would find them.
pub fn next() -> String {
    names().name()
}

/// An unused path for a FIFO, a socket or a folder, which the sweep empties, in a private folder: in /dev/shm, or in the
/// folder for temporary files where /dev/shm cannot be written. The error says why neither can. Panics as [`next`].
pub fn path() -> io::Result<PathBuf> {
    let lease = names().lease()?;
    Ok(lease.path().join(next()))
}

/// As [`path`], on a file system that is not kept in memory: the first that can be written of /var/tmp, the current
/// directory and the home directory. The error says why there is none.
pub fn disk_path() -> io::Result<PathBuf> {
    let disk = names().disk()?;
    Ok(disk.path().join(next()))
}

/// An unused System V key, never `IPC_PRIVATE`. Create with `IPC_EXCL` and mode 0600: the key may be taken by a
/// stranger, whose object no sweep touches. Panics as [`next`].
pub fn key() -> i32 {
    sweep::key(names().drawn.token, names().number())
}

/// What every name of this process begins with.
pub fn token_prefix() -> String {
    format!("ipcmark-{:016x}-", names().drawn.token)
}

/// The folders of this process so far: what [`path`] and [`disk_path`] named is in there.
pub fn folders() -> Vec<PathBuf> {
    let made = [present(&names().lease), present(&names().disk)];
    made.into_iter().flatten().map(|folder| folder.path().to_owned()).collect()
}

/// Removes everything that has a name of this process. Async-signal-safe; does nothing in a forked peer.
pub fn leave() {
    if let Some(names) = NAMES.get() {
        names.leave();
    }
}

/// Runs `create_and_unlink` with the signals held back that end this process when its front end has died.
pub fn held<R>(create_and_unlink: impl FnOnce() -> R) -> R {
    let signals = SigSet::from_iter(ENDINGS.into_iter().chain([PARENT_DEATH]));
    let mut before = SigSet::empty();
    // An error is impossible (valid arguments); were there one, the window would merely stay open.
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), Some(&mut before));
    let result = create_and_unlink();
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    result
}

#[cfg(test)]
mod tests;
