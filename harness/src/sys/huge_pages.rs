//! Huge pages from the kernel's pool, asked for by `MAP_HUGETLB`, `MFD_HUGETLB` or `SHM_HUGETLB`.
//!
//! Only the default size is used. The pool is empty unless somebody fills it: Documentation/admin-guide/mm/hugetlbpage.

use std::fmt::Display;
use std::io;

use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};

use super::refused;

/// What pages memory is made of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pages {
    /// The usual ones.
    Base,
    /// Huge ones from the pool.
    Huge,
}

impl Pages {
    /// The size of one. Fails where the kernel has no huge ones.
    pub fn bytes(self) -> io::Result<usize> {
        match self {
            // Linux always knows it.
            Pages::Base => Ok(sysconf(SysconfVar::PAGE_SIZE)?.map_or(4096, |bytes| bytes as usize)),
            Pages::Huge => huge_page_bytes(),
        }
    }

    /// `len` bytes in whole huge pages, and for base pages as it is: munmap(2) and ftruncate(2) want no less.
    pub(super) fn round_up(self, len: usize) -> io::Result<usize> {
        match self {
            Pages::Base => Ok(len),
            Pages::Huge => len.checked_next_multiple_of(huge_page_bytes()?).ok_or(io::ErrorKind::OutOfMemory.into()),
        }
    }

    /// The error of a `call` which was refused `len` bytes of such pages.
    pub(super) fn refused(self, call: impl Display, len: usize, errno: Errno) -> io::Error {
        let cause = match (self, errno) {
            (Pages::Huge, Errno::ENOMEM | Errno::ENOSPC) => lack(len),
            (Pages::Huge, Errno::EPERM) => "; huge pages of System V shared memory are for CAP_IPC_LOCK and for the \
                group in vm.hugetlb_shm_group"
                .into(),
            _ => String::new(),
        };
        refused(format_args!("{call} of {len} bytes"), errno, cause)
    }
}

/// How many huge pages there are, and how to get as many as `len` bytes want.
fn lack(len: usize) -> String {
    let wanted = huge_page_bytes().map_or(0, |page| len.div_ceil(page)) as u64;
    let count = |field| meminfo(field).unwrap_or(0);
    format!(
        "; it takes {wanted} huge pages of {} kB, /proc/meminfo has HugePages_Free {}, HugePages_Rsvd {}; get them with \
         `sysctl vm.nr_hugepages={}`",
        count("Hugepagesize"),
        count("HugePages_Free"),
        count("HugePages_Rsvd"),
        count("HugePages_Total") + wanted
    )
}

fn huge_page_bytes() -> io::Result<usize> {
    let size = meminfo("Hugepagesize").filter(|&kb| kb > 0).ok_or_else(|| {
        let why = "this kernel has no huge pages: /proc/meminfo has no Hugepagesize (CONFIG_HUGETLB_PAGE)";
        io::Error::new(io::ErrorKind::Unsupported, why)
    })?;
    Ok(size as usize * 1024)
}

/// A field of /proc/meminfo: a count, or a size in kB.
fn meminfo(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The memory, if there were huge pages for it; else the error must say what to do.
    pub(in crate::sys) fn judge<M>(outcome: io::Result<M>) -> Option<M> {
        let error = match outcome {
            Ok(memory) => return Some(memory),
            Err(error) => error.to_string(),
        };
        eprintln!("skipped, no huge pages: {error}");
        let lack = ["HugePages_Free", "sysctl vm.nr_hugepages="].iter().all(|words| error.contains(words));
        let advice = ["vm.hugetlb_shm_group", "CONFIG_HUGETLB_PAGE"].iter().any(|words| error.contains(words));
        assert!(lack || advice, "{error}");
        None
    }

    #[test]
    fn huge_pages_are_counted_in_whole_ones() {
        let Ok(page) = huge_page_bytes() else { return eprintln!("skipped: this kernel has no huge pages") };
        assert_eq!(Pages::Huge.round_up(1).unwrap(), page);
        assert_eq!(Pages::Huge.round_up(page + 1).unwrap(), 2 * page);
        assert_eq!(Pages::Base.round_up(1).unwrap(), 1);
    }
}
