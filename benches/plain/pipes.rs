//! Pipes by hand: read(2) and write(2), again while they say `EAGAIN`; and a stream of lent pages.

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use ipcmark_harness::sys::memory::Buffer;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, open, vmsplice};
use nix::sys::stat::Mode;
use nix::unistd::{mkfifo, pipe, read, write};

use super::{MESSAGE, Plan, stream};

fn read_message(fd: &OwnedFd, message: &mut [u8; MESSAGE]) {
    while read(fd, message) == Err(Errno::EAGAIN) {}
}

fn write_message(fd: &OwnedFd, message: &[u8; MESSAGE]) {
    while write(fd, message) == Err(Errno::EAGAIN) {}
}

pub(crate) fn round_trip_blocking(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    round_trip(plan, pipe()?, pipe()?, OFlag::empty())
}

pub(crate) fn round_trip_polling(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    round_trip(plan, pipe()?, pipe()?, OFlag::O_NONBLOCK)
}

pub(crate) fn fifo_round_trip(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    round_trip(plan, fifo()?, fifo()?, OFlag::empty())
}

fn fifo() -> anyhow::Result<(OwnedFd, OwnedFd)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("fifo");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    // Open for both, nobody waits: neither this one nor those after it.
    let _both = open(&path, OFlag::O_RDWR, Mode::empty())?;
    Ok((open(&path, OFlag::O_RDONLY, Mode::empty())?, open(&path, OFlag::O_WRONLY, Mode::empty())?))
}

fn round_trip(
    plan: &Plan,
    (there_out, there_in): (OwnedFd, OwnedFd),
    (back_out, back_in): (OwnedFd, OwnedFd),
    flags: OFlag,
) -> anyhow::Result<Vec<f64>> {
    for fd in [&there_out, &there_in, &back_out, &back_in] {
        fcntl(fd, FcntlArg::F_SETFL(flags))?;
    }
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    plan.in_two_processes(
        || {
            read_message(&there_out, &mut far_message);
            write_message(&back_in, &far_message);
        },
        || {
            plan.time(|| {
                write_message(&there_in, &near_message);
                read_message(&back_out, &mut near_message);
            })
        },
    )
}

const LONG_MESSAGE: usize = 64 << 10;

pub(crate) fn vmsplice_stream(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (reader, writer) = pipe()?;
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(1 << 20))?;
    // 16 messages fill the pipe; after so many further ones a message has been read.
    let mut messages = (0..17).map(|_| Buffer::new(LONG_MESSAGE)).collect::<std::io::Result<Vec<_>>>()?;
    let (mut turn, mut message) = (0, vec![0; LONG_MESSAGE]);
    let receive = || {
        let mut rest = &mut message[..];
        while !rest.is_empty() {
            let Ok(got) = read(&reader, rest) else { return };
            rest = &mut rest[got..];
        }
    };
    let send = || {
        turn = (turn + 1) % messages.len();
        messages[turn][0] = turn as u8;
        let mut rest = &messages[turn][..];
        while !rest.is_empty() {
            let Ok(lent) = vmsplice(&writer, &[IoSlice::new(rest)], SpliceFFlags::empty()) else { return };
            rest = &rest[lent..];
        }
    };
    stream(plan, receive, send)
}
