//! Locks on folders that are there and that only this user can enter, so that no other user can hold them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::{User, geteuid};

use crate::machine::Root;

/// A locked folder.
pub(super) type Folder = Flock<File>;

/// What came of an attempt to lock one.
pub(super) enum Lock {
    Taken(Folder),
    /// Another process of this user, or of root, has it.
    Held,
    /// It is not there or not private, or its file system has no such locks.
    Impossible,
}

/// Where such a folder may be, whatever the environment says: another run may have another.
pub(super) fn private() -> Vec<PathBuf> {
    let user = geteuid();
    let home = User::from_uid(user).ok().flatten().map(|user| user.dir);
    [Some(PathBuf::from(format!("/run/user/{user}"))), home].into_iter().flatten().collect()
}

/// None where another user could open it, and so lock it.
fn open(place: &Path) -> Option<File> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let folder = OpenOptions::new().read(true).custom_flags(flags.bits()).open(place).ok()?;
    let about = folder.metadata().ok()?;
    (about.uid() == geteuid().as_raw() && about.mode() & 0o077 == 0).then_some(folder)
}

/// `flock(2)`, without waiting. Over NFS it is refused for a folder, which is as well: another machine may measure meanwhile.
pub(super) fn lock(place: &Path) -> Lock {
    let Some(folder) = open(place) else { return Lock::Impossible };
    match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
        Ok(folder) => Lock::Taken(folder),
        Err((_, Errno::EWOULDBLOCK)) => Lock::Held,
        Err(_) => Lock::Impossible,
    }
}

/// The process that has the lock on a folder, as /proc/locks tells; none where it does not, or the process cannot be seen.
pub(super) fn holder(place: &Path) -> Option<i32> {
    let inode = open(place)?.metadata().ok()?.ino();
    Root::new("/").read("/proc/locks").ok()?.lines().find_map(|line| process_in(line, inode))
}

/// In `1: FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF`. The device is not compared: some file systems show another there.
fn process_in(line: &str, inode: u64) -> Option<i32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, "WRITE", process, file, ..] = words[..] else { return None };
    let is_it = file.rsplit(':').next().and_then(|inode| inode.parse().ok()) == Some(inode);
    process.parse().ok().filter(|process| is_it && *process > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_can_open_is_none_to_lock() {
        let place = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::set_permissions(place.path(), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o755);
        assert!(matches!(lock(place.path()), Lock::Impossible));
        mode(0o700);
        assert!(matches!(lock(place.path()), Lock::Taken(_)));
        assert!(matches!(lock(&place.path().join("nothing")), Lock::Impossible));
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        assert!(matches!(lock(&link), Lock::Impossible));
    }

    #[test]
    fn the_holder_is_in_the_line_of_the_folder() {
        let line = "12: FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF";
        assert_eq!((process_in(line, 567), process_in(line, 67)), (Some(1234), None));
        assert_eq!(process_in("12: POSIX  ADVISORY  WRITE 1234 00:1a:567 0 EOF", 567), None);
        assert_eq!(process_in("12: -> FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF", 567), None);
        assert_eq!(process_in("12: FLOCK  ADVISORY  WRITE 0 00:1a:567 0 EOF", 567), None);
    }
}
