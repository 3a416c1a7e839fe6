//! Pipes of the `interprocess` crate: unnamed ones; and named ones (FIFOs), which it only creates, to be opened as files.
//!
//! A FIFO has a name until both ends are open, in a private folder. open(2) waits for the other end, unless it opens for
//! reading with `O_NONBLOCK`: that end is opened first, and made to block afterwards.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use interprocess::os::unix::fifo_file::create_fifo;
use interprocess::unnamed_pipe::{Recver, Sender, pipe};
use ipcmark_harness::sys::names;
use nix::fcntl::OFlag;

use super::std_pipe::{Pipe, Reader, support};
use crate::descriptor::set_flags;
use crate::mechanism::{Family, Mechanism, Rank, Reach};
use crate::shapes;

pub(super) static UNNAMED: Mechanism = Mechanism {
    name: "interprocess-unnamed-pipe",
    summary: "unnamed pipes of the interprocess crate, one a direction, default capacity",
    family: Family::Pipe,
    reach: Reach::Both,
    references: &["interprocess 2.4 (crate)", "pipe(7)"],
    support: support::<Recver>,
    rank: Rank::Common,
    shapes: &[shapes::transport::<Pipe<Recver>>()],
};

pub(super) static FIFO: Mechanism = Mechanism {
    name: "interprocess-fifo",
    summary: "FIFOs that the interprocess crate creates, opened as files, one a direction, default capacity",
    references: &["interprocess 2.4 (crate)", "fifo(7)"],
    support: support::<File>,
    rank: Rank::Rare,
    shapes: &[shapes::transport::<Pipe<File>>()],
    ..UNNAMED
};

impl Reader for Recver {
    type Writer = Sender;

    fn open() -> io::Result<(Recver, Sender)> {
        pipe().map(|(writer, reader)| (reader, writer))
    }
}

impl Reader for File {
    type Writer = File;

    fn open() -> io::Result<(File, File)> {
        let path = names::path()?;
        names::held(|| {
            create_fifo(&path, 0o600)
                .map_err(|error| io::Error::new(error.kind(), format!("mkfifo of {}: {error}", path.display())))?;
            let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
            let writer = OpenOptions::new().write(true).open(&path);
            std::fs::remove_file(&path)?;
            let reader = reader?;
            set_flags(&reader, OFlag::empty())?;
            Ok((reader, writer?))
        })
    }
}
