//! WHERE the memory comes from that both parties map.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::{self, memfd_create};
use ipcmark_harness::sys::names;
use ipcmark_harness::sys::sysv::shared_memory::Segment;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::mman::{shm_open, shm_unlink};
use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::unistd::ftruncate;

use crate::descriptor::named;

/// A kind of memory.
pub(super) trait Mapping: 'static {
    /// Man pages and crates.
    const REFERENCES: [&'static str; 2];

    /// New memory of `len` zeroed bytes or more, once for each of so many parties. If it has a name, that is gone already.
    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>>;

    /// Whether it may be so long, as far as that is known before it is made.
    fn may_have(_len: usize) -> io::Result<()> {
        Ok(())
    }

    /// As [`Mapping::several`], for two.
    fn pair(len: usize) -> io::Result<[Memory; 2]> {
        Self::several(len, 2)?
            .try_into()
            .map_err(|_| io::Error::other("memory for two was mapped otherwise than twice"))
    }
}

/// What one party holds of it: unmapped when dropped.
pub(super) type Memory = Box<dyn Mapped>;

/// Memory in this process.
pub(super) trait Mapped: Send {
    /// The first byte, page-aligned.
    fn start(&self) -> *mut u8;

    /// Completes the page tables of this process: a forked one begins without those of shared memory.
    fn fault_in(&self) -> io::Result<()>;
}

impl Mapped for memory::Mapping {
    fn start(&self) -> *mut u8 {
        self.as_ptr()
    }

    fn fault_in(&self) -> io::Result<()> {
        self.fault_in()
    }
}

/// Of memory that cannot be mapped a second time the parties share the mapping; a forked one has a copy of it.
impl Mapped for Arc<memory::Mapping> {
    fn start(&self) -> *mut u8 {
        self.as_ptr()
    }

    fn fault_in(&self) -> io::Result<()> {
        memory::Mapping::fault_in(self)
    }
}

/// `shm_open(3)`: a file in /dev/shm, mapped by each party.
pub(super) struct PosixShm;

impl Mapping for PosixShm {
    const REFERENCES: [&'static str; 2] = ["shm_open(3)", "mmap(2)"];

    fn may_have(len: usize) -> io::Result<()> {
        room_in_dev_shm(len)
    }

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        let fd = posix_shm(&new_name(), len)?;
        (0..parties).map(|_| map(&fd, len)).collect()
    }
}

impl PosixShm {
    /// The memory of this new name, which stays.
    pub(super) fn create(name: &str, len: usize) -> io::Result<Memory> {
        let fd = create(name)?;
        truncate(&fd, len)?;
        map(&fd, len)
    }

    /// The memory of this name.
    pub(super) fn open(name: &str, len: usize) -> io::Result<Memory> {
        map(shm_open(name, OFlag::O_RDWR, Mode::empty()).map_err(explained)?, len)
    }

    /// Those who have mapped the memory keep it.
    pub(super) fn unlink(name: &str) -> io::Result<()> {
        shm_unlink(name).map_err(|errno| named("shm_unlink", errno))
    }
}

/// A file of `len` bytes in /dev/shm, whose name is gone already.
pub(in crate::mechanisms) fn posix_shm(name: &str, len: usize) -> io::Result<OwnedFd> {
    let fd = names::held(|| {
        let fd = create(name)?;
        PosixShm::unlink(name).map(|()| fd)
    })?;
    truncate(&fd, len).map(|()| fd)
}

/// A full /dev/shm would show only at the first touch, if need be as SIGBUS.
pub(in crate::mechanisms) fn room_in_dev_shm(len: usize) -> io::Result<()> {
    let Ok(fs) = statvfs("/dev/shm") else { return Ok(()) };
    let free = fs.blocks_available() * fs.fragment_size();
    if free < len as u64 {
        return Err(io::Error::other(format!("/dev/shm has {free} bytes free, {len} are needed")));
    }
    Ok(())
}

/// A name for `shm_open(3)`, which wants a slash before it.
pub(in crate::mechanisms) fn new_name() -> String {
    format!("/{}", names::next())
}

fn create(name: &str) -> io::Result<OwnedFd> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR;
    shm_open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(explained)
}

fn explained(errno: Errno) -> io::Error {
    let cause = named("shm_open", errno);
    io::Error::new(cause.kind(), format!("{cause}; is /dev/shm mounted and writable?"))
}

fn truncate(fd: &OwnedFd, len: usize) -> io::Result<()> {
    ftruncate(fd, len as libc::off_t).map_err(|errno| named(&format!("ftruncate to {len} bytes"), errno))
}

fn map(fd: impl AsFd, len: usize) -> io::Result<Memory> {
    Ok(Box::new(memory::Mapping::of(fd, len, Pages::Base)?))
}

/// `memfd_create(2)`: a file without a name, mapped by each party.
pub(super) struct Memfd;

impl Mapping for Memfd {
    const REFERENCES: [&'static str; 2] = ["memfd_create(2)", "mmap(2)"];

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        let fd = memfd_create(len, Pages::Base)?;
        (0..parties).map(|_| map(&fd, len)).collect()
    }
}

/// `shmget(2)` by a key, attached by each party and marked for removal at once.
pub(super) struct SysvShm;

impl Mapping for SysvShm {
    const REFERENCES: [&'static str; 2] = ["shmget(2)", "shmat(2)"];

    fn may_have(len: usize) -> io::Result<()> {
        may_be_a_segment(len)
    }

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        let key = names::key();
        names::held(|| {
            let segment = Segment::create(key, len, Pages::Base)?;
            (0..parties).map(|_| Ok(Box::new(segment.attach()?) as Memory)).collect()
        })
    }
}

/// Whether a System V segment may be so long.
pub(in crate::mechanisms) fn may_be_a_segment(len: usize) -> io::Result<()> {
    let most = std::fs::read_to_string("/proc/sys/kernel/shmmax").unwrap_or_default();
    match most.trim().parse::<u64>() {
        Ok(most) if len as u64 > most => {
            let why = format!("a System V segment of {len} bytes exceeds kernel.shmmax, {most} bytes");
            Err(io::Error::other(why))
        }
        _ => Ok(()),
    }
}

/// `mmap(2)` with `MAP_SHARED | MAP_ANONYMOUS`: no object but the mapping, handed on by fork(2).
pub(super) struct AnonShm;

impl Mapping for AnonShm {
    const REFERENCES: [&'static str; 2] = ["mmap(2)", "MAP_ANONYMOUS in mmap(2)"];

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        anonymous(len, parties, Pages::Base)
    }
}

/// As [`AnonShm`], of huge pages from the kernel's pool.
pub(super) struct HugeShm;

impl Mapping for HugeShm {
    const REFERENCES: [&'static str; 2] = ["MAP_HUGETLB in mmap(2)", "Documentation/admin-guide/mm/hugetlbpage"];

    fn several(len: usize, parties: usize) -> io::Result<Vec<Memory>> {
        anonymous(len, parties, Pages::Huge)
    }
}

fn anonymous(len: usize, parties: usize, pages: Pages) -> io::Result<Vec<Memory>> {
    let mapping = Arc::new(memory::Mapping::anonymous(len, pages)?);
    Ok((0..parties).map(|_| Box::new(Arc::clone(&mapping)) as Memory).collect())
}
