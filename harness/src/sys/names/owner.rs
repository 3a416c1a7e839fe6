//! Whose a lease is: a process, told from a later one with the same number, in one line that fits into a link.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use nix::unistd::getpid;

use super::folder::Folder;
use super::{DISK, OWNER};
use crate::machine::Root;
use crate::sys::process::{lives, stat};

/// RAMFS_MAGIC of include/uapi/linux/magic.h, which nix and libc lack.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6_u32 as _);

/// A process with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) process: i32,
    /// In clock ticks since boot, field 22 of /proc/pid/stat.
    pub(super) start_ticks: u64,
    pub(super) boot_id: String,
    /// Of IPC, processes and time: in another one, the same number is another process and the same name another object.
    pub(super) namespaces: String,
    pub(super) token: u64,
}

impl Owner {
    /// This process, and what its names hold.
    pub(super) fn of_this_process(token: u64) -> Result<Owner, String> {
        let process = getpid().as_raw();
        let boot_id = Root::new("/").read("/proc/sys/kernel/random/boot_id")?;
        // A kernel without one of these namespaces has no link for it, in every process.
        let namespace = |kind: &str| {
            let link = std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_default();
            link.to_string_lossy().chars().filter(char::is_ascii_digit).collect::<String>()
        };
        let namespaces = ["ipc", "pid", "time"].map(namespace).join("/");
        Ok(Owner { process, start_ticks: stat(process)?.start_ticks, boot_id, namespaces, token })
    }

    /// Under 128 bytes, so that a tmpfs keeps it in the inode (mm/shmem.c, SHORT_SYMLINK_LEN).
    fn line(&self) -> String {
        let Owner { process, start_ticks, boot_id, namespaces, token } = self;
        format!("{process} {start_ticks} {boot_id} {namespaces} {token:016x}")
    }

    fn parse(line: &str) -> Option<Owner> {
        let words: Vec<&str> = line.split(' ').collect();
        let &[process, start_ticks, boot_id, namespaces, token] = words.as_slice() else { return None };
        Some(Owner {
            process: process.parse().ok().filter(|&process| process > 0)?,
            start_ticks: start_ticks.parse().ok()?,
            boot_id: boot_id.into(),
            namespaces: namespaces.into(),
            token: u64::from_str_radix(token, 16).ok()?,
        })
    }

    /// What the folder says of its owner.
    pub(super) fn of(folder: &Folder) -> Option<Owner> {
        Owner::parse(folder.text(OWNER)?.to_str()?)
    }

    /// Makes a folder that says it is this owner's.
    pub(super) fn make(&self, path: &Path) -> Result<Folder, String> {
        let folder = Folder::make(path)?;
        folder.put(OWNER, OsStr::from_bytes(self.line().as_bytes())).inspect_err(|_| _ = folder.remove())?;
        Ok(folder)
    }

    /// Makes one in `place` with the name of the lease, which says where from before it is there.
    pub(super) fn make_on_disk(&self, place: &Path, lease: &Folder) -> Result<Folder, String> {
        let kind = statfs(place).map_err(|errno| format!("statfs {}: {errno}", place.display()))?.filesystem_type();
        if [TMPFS_MAGIC, RAMFS_MAGIC].contains(&kind) {
            return Err(format!("{} is kept in memory", place.display()));
        }
        let path = place.join(lease.path().file_name().unwrap_or_default());
        lease.put(DISK, path.as_os_str())?;
        self.make(&path).inspect_err(|_| _ = lease.unlink(DISK))
    }

    /// Whether the owner lives, as `here`, a process of now, can tell; the error says why it cannot.
    pub(super) fn lives(&self, here: &Owner) -> Result<bool, String> {
        if self.boot_id != here.boot_id {
            return Ok(false);
        }
        if self.namespaces != here.namespaces {
            return Err("its owner is in another container or namespace: clean up in there".into());
        }
        lives(self.process, self.start_ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Owner {
        Owner::of_this_process(u64::MAX).unwrap()
    }

    #[test]
    fn an_owner_survives_its_line_which_takes_no_page() {
        let widest = Owner { process: 1 << 22, start_ticks: 99_999_999_999, ..here() };
        assert_eq!(Owner::parse(&widest.line()), Some(widest.clone()));
        assert!(widest.line().len() < 128, "{}", widest.line());
    }

    #[test]
    fn a_line_that_is_no_owners_is_none() {
        for line in ["", "1", "1 2 3 4 5 6", "x 2 b n 5", "-1 2 b n 5", "0 2 b n 5", "1 2 b n q", "1  b n 5"] {
            assert_eq!(Owner::parse(line), None, "{line}");
        }
    }

    #[test]
    fn this_process_lives_and_an_earlier_one_with_its_number_does_not() {
        let now = here();
        let earlier = Owner { start_ticks: now.start_ticks - 1, ..now.clone() };
        let before_the_boot = Owner { boot_id: "another".into(), ..now.clone() };
        assert_eq!([&now, &earlier, &before_the_boot].map(|owner| owner.lives(&now)), [Ok(true), Ok(false), Ok(false)]);
    }

    #[test]
    fn a_child_is_dead_once_it_has_ended_whether_reaped_or_not() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = child.id() as i32;
        let start_ticks = stat(process).unwrap().start_ticks;
        let owner = Owner { process, start_ticks, ..here() };
        while !stat(process).unwrap().has_ended {
            std::thread::yield_now();
        }
        assert_eq!(owner.lives(&here()), Ok(false));
        child.wait().unwrap();
        assert_eq!(owner.lives(&here()), Ok(false));
    }

    #[test]
    fn of_an_owner_in_another_namespace_nobody_can_tell() {
        let elsewhere = Owner { namespaces: "1/2/3".into(), ..here() };
        assert!(elsewhere.lives(&here()).unwrap_err().contains("another container"));
    }
}
