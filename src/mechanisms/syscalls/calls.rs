//! The clock that the kernel maps into every process (no way into the kernel at all), the least of all calls, and one byte read
//! and written where that costs nothing.
#![allow(unsafe_code)] // clock_gettime(2) takes an address

use std::fs::File;
use std::io;

use ipcmark_harness::sys::seccomp::getppid_by_number;
use nix::errno::Errno;
use nix::unistd::{getppid, read, write};

use crate::descriptor::named;
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes::{self, Call};

pub(super) static GETPPID: Mechanism = Mechanism {
    name: "getppid",
    summary: "the process id of the parent, by syscall(2): the least that a call can do",
    family: Family::Syscall,
    reach: Reach::Threads,
    references: &["getppid(2)", "syscall(2)"],
    support: || Support::Available,
    rank: Rank::Headline,
    shapes: &[shapes::call::<Getppid>()],
};

pub(super) static VDSO_CLOCK: Mechanism = Mechanism {
    name: "vdso-clock",
    summary: "clock_gettime(CLOCK_MONOTONIC), which the vDSO answers in the process where the machine's clock allows it",
    references: &["clock_gettime(2)", "vdso(7)"],
    shapes: &[shapes::call::<VdsoClock>()],
    ..GETPPID
};

pub(super) static READ_DEV_ZERO: Mechanism = Mechanism {
    name: "read-dev-zero",
    summary: "one byte read from /dev/zero",
    references: &["read(2)", "zero(4)"],
    support: || File::open("/dev/zero").into(),
    rank: Rank::Common,
    shapes: &[shapes::call::<ReadZero>()],
    ..GETPPID
};

pub(super) static WRITE_DEV_NULL: Mechanism = Mechanism {
    name: "write-dev-null",
    summary: "one byte written to /dev/null",
    references: &["write(2)", "null(4)"],
    support: || File::options().write(true).open("/dev/null").into(),
    rank: Rank::Common,
    shapes: &[shapes::call::<WriteNull>()],
    ..GETPPID
};

struct Getppid {
    parent: i64,
    answered: u64,
}

impl Call for Getppid {
    fn open() -> io::Result<Self> {
        Ok(Getppid { parent: getppid().as_raw().into(), answered: 0 })
    }

    #[inline(always)]
    fn call(&mut self) -> io::Result<()> {
        self.answered += u64::from(getppid_by_number() == self.parent);
        Ok(())
    }

    fn answered(&self) -> u64 {
        self.answered
    }
}

/// Calls that succeeded; and that what they say is not before what the clock said at first.
///
/// The call itself and not nix's: that hands the time out by value, and reading 16 bytes that were just written as two words of 8
/// waits until both have left the store buffer, a third of what the call takes.
struct VdsoClock {
    opened: libc::timespec,
    now: libc::timespec,
    succeeded: u64,
}

#[inline(always)]
fn clock_gettime(now: &mut libc::timespec) -> bool {
    // SAFETY: the address is that of a live timespec, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now) == 0 }
}

impl Call for VdsoClock {
    fn open() -> io::Result<Self> {
        let mut opened = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        if !clock_gettime(&mut opened) {
            return Err(named("clock_gettime", Errno::last()));
        }
        Ok(VdsoClock { opened, now: libc::timespec { tv_sec: 0, tv_nsec: 0 }, succeeded: 0 })
    }

    #[inline(always)]
    fn call(&mut self) -> io::Result<()> {
        self.succeeded += u64::from(clock_gettime(&mut self.now));
        Ok(())
    }

    /// None, where the last answer lies before the clock was opened: then nothing was written.
    fn answered(&self) -> u64 {
        let key = |time: &libc::timespec| (time.tv_sec, time.tv_nsec);
        if key(&self.now) >= key(&self.opened) { self.succeeded } else { 0 }
    }
}

/// Bytes that came, all of which must be zero.
struct ReadZero {
    zero: File,
    bytes: u64,
}

impl Call for ReadZero {
    fn open() -> io::Result<Self> {
        Ok(ReadZero { zero: File::open("/dev/zero")?, bytes: 0 })
    }

    #[inline(always)]
    fn call(&mut self) -> io::Result<()> {
        let mut byte = [0xff];
        let came = read(&self.zero, &mut byte).map_err(|errno| named("read of /dev/zero", errno))?;
        self.bytes += came as u64 * u64::from(byte == [0]);
        Ok(())
    }

    fn answered(&self) -> u64 {
        self.bytes
    }
}

/// Bytes that went.
struct WriteNull {
    null: File,
    bytes: u64,
}

impl Call for WriteNull {
    fn open() -> io::Result<Self> {
        Ok(WriteNull { null: File::options().write(true).open("/dev/null")?, bytes: 0 })
    }

    #[inline(always)]
    fn call(&mut self) -> io::Result<()> {
        self.bytes += write(&self.null, &[7]).map_err(|errno| named("write to /dev/null", errno))? as u64;
        Ok(())
    }

    fn answered(&self) -> u64 {
        self.bytes
    }
}
