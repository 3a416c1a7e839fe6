//! Named pipes: two FIFOs, one a direction, read(2) and write(2); their names on a file system in memory, or on a disk.
//!
//! Once open, a FIFO is a pipe: its bytes never see the file system, so only `connect` can tell the two variants apart.
//!
//! open(2) waits for the other end, unless it opens for reading with `O_NONBLOCK`. A channel is made like this:
//! 1. The near end makes both FIFOs, opens the one it will read from without waiting, says so, and waits to open the other.
//! 2. The far end waits for that word on a FIFO of its own, as a server does on its well-known one (Kerrisk, The Linux
//!    Programming Interface, 44.8), and opens both: first to write, where the near end is already, then to read, which is
//!    what the near end waits for.
//! 3. So when the near end goes on, nobody wants the names any more, and it unlinks them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ipcmark_harness::sys::names;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{mkfifo, unlink};

use super::pipe::{Pipe, Source, has_default_capacity};
use crate::descriptor::{named, read_all, set_flags, write_all};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Setup, Support, Waiting};
use crate::shapes::{self, Rendezvous};

pub(super) static IN_MEMORY: Mechanism = Mechanism {
    name: "fifo",
    summary: "named pipes (FIFOs) on a file system in memory, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["fifo(7)", "mkfifo(3)"],
    support: support::<false>,
    rank: Rank::Common,
    shapes: &[
        shapes::transport::<Pipe<Fifo<false>>>(),
        shapes::fan_in::<Pipe<Fifo<false>>>(),
        shapes::fan_out::<Pipe<Fifo<false>>>(),
        shapes::rendezvous::<Pipe<Fifo<false>>>(),
    ],
};

pub(super) static ON_DISK: Mechanism = Mechanism {
    name: "fifo-disk",
    summary: "named pipes whose names are on a disk; their bytes are not",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["fifo(7)", "mkfifo(3)"],
    support: support::<true>,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pipe<Fifo<true>>>(), shapes::rendezvous::<Pipe<Fifo<true>>>()],
};

fn support<const DISK: bool>() -> Support {
    Fifo::<DISK>::open().and_then(|(reader, _)| has_default_capacity(reader)).into()
}

struct Fifo<const DISK: bool>;

impl<const DISK: bool> Fifo<DISK> {
    fn path() -> io::Result<PathBuf> {
        if DISK { names::disk_path() } else { names::path() }
    }
}

impl<const DISK: bool> Source for Fifo<DISK> {
    fn open() -> io::Result<(OwnedFd, OwnedFd)> {
        let path = Self::path()?;
        names::held(|| {
            let _name = Name::make(&path)?;
            Ok((open_alone(&path)?, open_with_peer(&path, OFlag::O_WRONLY)?))
        })
    }
}

/// A FIFO that can be opened by its path, until dropped.
struct Name<'a>(&'a Path);

impl Name<'_> {
    fn make(path: &Path) -> io::Result<Name<'_>> {
        let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
        mkfifo(path, owner_only).map_err(|errno| of_path("mkfifo", path, errno))?;
        Ok(Name(path))
    }
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        // What cannot be unlinked now is swept when the worker ends.
        let _ = unlink(self.0);
    }
}

/// Opens for reading, whether there is a writer or not.
fn open_alone(path: &Path) -> io::Result<OwnedFd> {
    let reader = open_with_peer(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
    set_flags(&reader, OFlag::empty())?;
    Ok(reader)
}

fn open_with_peer(path: &Path, flags: OFlag) -> io::Result<OwnedFd> {
    loop {
        match open(path, flags | OFlag::O_CLOEXEC, Mode::empty()) {
            Err(Errno::EINTR) => {}
            opened => return opened.map_err(|errno| of_path("open", path, errno)),
        }
    }
}

#[cold]
fn of_path(call: &str, path: &Path, errno: Errno) -> io::Error {
    named(&format!("{call} of {}", path.display()), errno)
}

/// The names of the next channel, and the descriptor by which the far end hears that it can be opened.
struct Place {
    to_far: PathBuf,
    to_near: PathBuf,
    word: OwnedFd,
    waiting: Waiting,
}

impl<const DISK: bool> Rendezvous for Pipe<Fifo<DISK>> {
    type Place = Place;

    fn places(setup: &Setup) -> io::Result<(Place, Place)> {
        let (heard, said) = Fifo::<DISK>::open()?;
        let (to_far, to_near) = (Fifo::<DISK>::path()?, Fifo::<DISK>::path()?);
        let place = |word| Place { to_far: to_far.clone(), to_near: to_near.clone(), word, waiting: setup.waiting };
        Ok((place(said), place(heard)))
    }

    /// Not within `names::held`: it waits for the far end, and a worker whose front end died must end. It sweeps then.
    fn open_near(place: &mut Place) -> io::Result<Self> {
        let (_to_far, _to_near) = (Name::make(&place.to_far)?, Name::make(&place.to_near)?);
        let reader = open_alone(&place.to_near)?;
        write_all(&place.word, b"!")?;
        Self::new(reader, open_with_peer(&place.to_far, OFlag::O_WRONLY)?, place.waiting)
    }

    fn open_far(place: &mut Place) -> io::Result<Self> {
        read_all(&place.word, &mut [0])?;
        let writer = open_with_peer(&place.to_near, OFlag::O_WRONLY)?;
        Self::new(open_with_peer(&place.to_far, OFlag::O_RDONLY)?, writer, place.waiting)
    }
}
