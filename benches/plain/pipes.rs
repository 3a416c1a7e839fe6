//! Pipes by hand: read(2) and write(2), again while they say `EAGAIN`.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{pipe, read, write};

use super::{MESSAGE, Plan};

fn read_message(fd: &OwnedFd, message: &mut [u8; MESSAGE]) {
    while read(fd, message) == Err(Errno::EAGAIN) {}
}

fn write_message(fd: &OwnedFd, message: &[u8; MESSAGE]) {
    while write(fd, message) == Err(Errno::EAGAIN) {}
}

pub(crate) fn round_trip_blocking(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    round_trip(plan, OFlag::empty())
}

pub(crate) fn round_trip_polling(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    round_trip(plan, OFlag::O_NONBLOCK)
}

fn round_trip(plan: &Plan<'_>, flags: OFlag) -> anyhow::Result<Vec<f64>> {
    let (there_out, there_in) = pipe()?;
    let (back_out, back_in) = pipe()?;
    for fd in [&there_out, &there_in, &back_out, &back_in] {
        fcntl(fd, FcntlArg::F_SETFL(flags))?;
    }
    let (mut near_message, mut far_message) = ([0; MESSAGE], [0; MESSAGE]);
    plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                read_message(&there_out, &mut far_message);
                write_message(&back_in, &far_message);
            }
        },
        || {
            plan.time(|| {
                write_message(&there_in, &near_message);
                read_message(&back_out, &mut near_message);
            })
        },
    )
}
