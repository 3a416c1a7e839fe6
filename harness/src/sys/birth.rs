//! How tasks are born and reaped: fork(2), vfork(2), clone3(2), posix_spawn(3), execve(2), pthread_create(3).
//!
//! Each newborn does one thing, leaves a sign in memory that both share, and ends; only then does the call return. What runs
//! between a fork and the end of the child is async-signal-safe, so the process may have other threads.
#![allow(unsafe_code)] // raw calls, and children that share everything or nothing

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use super::memory::{Shareable, Shared};
use super::{check, futex, process};
use crate::clock::Clock;

/// What newborns leave: how many there were, and when the last one ran first.
#[repr(C, align(64))]
pub struct Sign {
    count: AtomicU64,
    at_ticks: AtomicU64,
    seen: AtomicU32,
}

// SAFETY: atomic integers, valid when zero, and no addresses.
unsafe impl Shareable for Sign {}

/// What a child that has left its sign exits with, and what [`program`] exits with, which can leave none.
const BORN: i32 = 7;

impl Sign {
    /// Leaves it: the newborn's whole work.
    #[inline]
    pub fn leave(&self, clock: &Clock) {
        // Relaxed: waiting for the child, or the futex below, orders it.
        self.at_ticks.store(clock.start(), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Newborns so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// When the last one ran first, as [`Clock::start`] reads it.
    pub fn at_ticks(&self) -> u64 {
        self.at_ticks.load(Ordering::Relaxed)
    }

    /// As [`leave`](Self::leave), and wakes who is in [`await_one`](Self::await_one).
    pub fn leave_and_wake(&self, clock: &Clock) {
        self.leave(clock);
        // Release: pairs with the Acquire in `futex::wait_until`.
        self.seen.fetch_add(1, Ordering::Release);
        futex::wake(&self.seen, u32::MAX);
    }

    /// Sleeps until there have been more than `before` signs that wake.
    pub fn await_one(&self, before: u32) {
        futex::wait_until(&self.seen, |seen| seen != before);
    }

    /// Signs that wake, so far, modulo 2³².
    pub fn seen(&self) -> u32 {
        self.seen.load(Ordering::Acquire)
    }
}

/// `fork(2)`, and wait4(2) for the child.
pub fn by_fork(sign: &Sign, clock: &Clock) -> io::Result<()> {
    // SAFETY: the child reads the clock, stores two integers and calls _exit.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => reap(child),
        ForkResult::Child => be_born(sign, clock),
    }
}

/// A forked child that does nothing but share its parent's memory, until it is dropped.
pub struct Sharer(Pid);

#[repr(transparent)]
struct Announced(AtomicU32);

// SAFETY: an atomic integer, valid when zero, and no address.
unsafe impl Shareable for Announced {}

impl Sharer {
    /// `fork(2)`. The child ends with the thread that calls, too.
    pub fn fork() -> io::Result<Sharer> {
        let announced = Shared::<Announced>::zeroed()?;
        process::fork_pausing(&announced.0).map(Sharer)
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        process::end_child(self.0);
    }
}

/// `clone3(2)` with nothing shared and no more asked for than that the parent is told: fork without the C library's handlers.
pub fn by_clone3(sign: &Sign, clock: &Clock) -> io::Result<()> {
    // SAFETY: plain integers and null addresses.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.exit_signal = libc::SIGCHLD as u64;
    let size = size_of::<libc::clone_args>();
    // SAFETY: the arguments live through the call, which returns in both processes, in the child on a copy of the stack; the
    // child reads the clock, stores two integers and calls _exit.
    match check_call("clone3", unsafe { libc::syscall(libc::SYS_clone3, &args, size) })? {
        0 => be_born(sign, clock),
        child => reap(Pid::from_raw(child as i32)),
    }
}

/// What vfork(2) is: `clone(2)` with `CLONE_VM | CLONE_VFORK`, the parent suspended until the child has ended. On a stack of its own,
/// so that it returns once.
pub fn by_vfork(sign: &Sign, clock: &Clock, stack: &mut Stack) -> io::Result<()> {
    struct Newborn<'a>(&'a Sign, &'a Clock);
    extern "C" fn run(newborn: *mut c_void) -> c_int {
        // SAFETY: it points to the `Newborn` below, whose owner is suspended.
        let Newborn(sign, clock) = unsafe { &*newborn.cast::<Newborn<'_>>() };
        sign.leave(clock);
        BORN
    }
    let mut newborn = Newborn(sign, clock);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone; the parent does not run until the child has ended, so nothing is shared in time.
    let child = unsafe { libc::clone(run, stack.top(), flags, ptr::from_mut(&mut newborn).cast()) };
    check_call("clone", child.into())?;
    reap(Pid::from_raw(child))
}

/// A stack for a child that shares the address space; grows downwards.
pub struct Stack(Vec<u128>);

impl Stack {
    /// 64 KiB, for a child that calls nothing deep.
    #[expect(clippy::new_without_default, reason = "it takes memory")]
    pub fn new() -> Stack {
        Stack(vec![0; 4096])
    }

    fn top(&mut self) -> *mut c_void {
        // 16 bytes aligned, as the type is.
        self.0.as_mut_ptr_range().end.cast()
    }
}

/// `fork(2)`, `execve(2)` of the program in the child, and wait4(2).
pub fn by_fork_and_exec(program: &Program) -> io::Result<()> {
    // SAFETY: the child calls execve and _exit.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => reap(child),
        ForkResult::Child => {
            // SAFETY: the path and both lists end in null and live in the child's copy.
            unsafe { libc::execve(program.path.as_ptr(), program.arguments().as_ptr(), [ptr::null()].as_ptr()) };
            process::exit_now(127)
        }
    }
}

/// `posix_spawn(3)` of the program, with an empty environment, and wait4(2).
pub fn by_posix_spawn(program: &Program) -> io::Result<()> {
    let mut child = 0;
    let (arguments, environment) = (program.arguments(), [ptr::null_mut::<c_char>()]);
    let (arguments, environment) = (arguments.as_ptr().cast::<*mut c_char>(), environment.as_ptr());
    // SAFETY: the path and both lists end in null and live through the call, which does not write to them.
    let code = unsafe {
        libc::posix_spawn(&mut child, program.path.as_ptr(), ptr::null(), ptr::null(), arguments, environment)
    };
    check(code)?;
    reap(Pid::from_raw(child))
}

/// How a thread is made.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ThreadKind {
    /// The size of its stack, in bytes; none: as the C library has it, RLIMIT_STACK.
    pub stack_bytes: Option<usize>,
    /// Nobody joins it.
    pub detached: bool,
}

/// `pthread_create(3)`, and pthread_join(3); for a detached thread a futex(2) that it wakes as its last deed.
pub fn by_pthread(sign: &Sign, clock: &Clock, kind: ThreadKind) -> io::Result<()> {
    struct Newborn<'a>(&'a Sign, &'a Clock, bool);
    extern "C" fn run(newborn: *mut c_void) -> *mut c_void {
        // SAFETY: it points to the `Newborn` below; whoever owns that waits until the thread has ended or said that it is done.
        let Newborn(sign, clock, detached) = unsafe { &*newborn.cast::<Newborn<'_>>() };
        if *detached {
            sign.leave_and_wake(clock)
        } else {
            sign.leave(clock)
        }
        ptr::null_mut()
    }
    let mut newborn = Newborn(sign, clock, kind.detached);
    let attributes = Attributes::new(kind)?;
    let (mut thread, seen) = (0, sign.seen());
    // SAFETY: the attributes are initialized, and the argument lives until the thread is done with it.
    check(unsafe { libc::pthread_create(&mut thread, &attributes.0, run, ptr::from_mut(&mut newborn).cast()) })?;
    if kind.detached {
        sign.await_one(seen);
        return Ok(());
    }
    // SAFETY: the thread is joinable, and joined once.
    Ok(check(unsafe { libc::pthread_join(thread, ptr::null_mut()) })?)
}

struct Attributes(libc::pthread_attr_t);

impl Attributes {
    fn new(kind: ThreadKind) -> io::Result<Attributes> {
        // SAFETY: filled by the call below.
        let mut attributes = Attributes(unsafe { std::mem::zeroed() });
        // SAFETY: the memory is ours; the further calls are for initialized attributes.
        unsafe {
            check(libc::pthread_attr_init(&mut attributes.0))?;
            if let Some(bytes) = kind.stack_bytes {
                check(libc::pthread_attr_setstacksize(&mut attributes.0, bytes))?;
            }
            let state = if kind.detached { libc::PTHREAD_CREATE_DETACHED } else { libc::PTHREAD_CREATE_JOINABLE };
            check(libc::pthread_attr_setdetachstate(&mut attributes.0, state))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialized, and not used again.
        let _ = unsafe { libc::pthread_attr_destroy(&mut self.0) };
    }
}

/// A static program that does nothing but exit: an ELF file without sections, in memory.
pub struct Program {
    _file: OwnedFd,
    path: CString,
}

impl Program {
    /// Writes it to a memfd_create(2) file.
    ///
    /// # Errors
    /// If there is no such program for this processor, or the kernel refuses executable memory files.
    pub fn new() -> io::Result<Program> {
        let file = super::memory::memfd_create(0, super::huge_pages::Pages::Base)?;
        let mut rest = elf()?.as_slice().to_vec();
        while !rest.is_empty() {
            let written = nix::unistd::write(&file, &rest)?;
            rest.drain(..written);
        }
        // What is open for writing is not executed (ETXTBSY).
        let readable: OwnedFd = std::fs::File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?.into();
        let path = CString::new(format!("/proc/self/fd/{}", readable.as_raw_fd()))?;
        Ok(Program { _file: readable, path })
    }

    fn arguments(&self) -> [*const c_char; 2] {
        [self.path.as_ptr(), ptr::null()]
    }
}

/// elf(5): a header of 64 bytes, one program header of 56 that loads the whole file readable and executable, and the code.
fn elf() -> io::Result<Vec<u8>> {
    const ADDRESS: u64 = 0x40_0000;
    const CODE_AT: u64 = 64 + 56;
    let (machine, code) = code()?;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec(); // 64 bits, little-endian, version 1
    file.resize(16, 0);
    let size = CODE_AT + code.len() as u64;
    let header: [&[u8]; 13] = [
        &2_u16.to_le_bytes(), // ET_EXEC
        &machine.to_le_bytes(),
        &1_u32.to_le_bytes(),
        &(ADDRESS + CODE_AT).to_le_bytes(), // e_entry
        &64_u64.to_le_bytes(),              // e_phoff
        &0_u64.to_le_bytes(),               // e_shoff: no sections
        &0_u32.to_le_bytes(),
        &64_u16.to_le_bytes(), // e_ehsize
        &56_u16.to_le_bytes(), // e_phentsize
        &1_u16.to_le_bytes(),  // e_phnum
        &[0; 6],               // e_shentsize, e_shnum, e_shstrndx
        &1_u32.to_le_bytes(),  // PT_LOAD
        &5_u32.to_le_bytes(),  // PF_R | PF_X
    ];
    file.extend(header.concat());
    for field in [0, ADDRESS, ADDRESS, size, size, 0x1000] {
        file.extend(u64::to_le_bytes(field)); // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
    }
    file.extend(code);
    Ok(file)
}

/// `exit_group(7)` and nothing else, with `e_machine`.
#[allow(clippy::unnecessary_wraps)] // on other processors it is an error
fn code() -> io::Result<(u16, Vec<u8>)> {
    #[cfg(target_arch = "x86_64")]
    return Ok((
        62,
        vec![
            0xb8, 0xe7, 0, 0, 0, // mov eax, 231: exit_group
            0xbf, BORN as u8, 0, 0, 0, // mov edi, 7
            0x0f, 0x05, // syscall
        ],
    ));
    #[cfg(target_arch = "aarch64")]
    return Ok((
        183,
        vec![
            0xc8, 0x0b, 0x80, 0xd2, // mov x8, 94: exit_group
            0xe0, 0x00, 0x80, 0xd2, // mov x0, 7
            0x01, 0x00, 0x00, 0xd4, // svc 0
        ],
    ));
    #[allow(unreachable_code)]
    Err(io::Error::new(io::ErrorKind::Unsupported, "the program to start is written for x86-64 and aarch64"))
}

fn be_born(sign: &Sign, clock: &Clock) -> ! {
    sign.leave(clock);
    process::exit_now(BORN)
}

/// Waits for the child, which must say that it was there.
fn reap(child: Pid) -> io::Result<()> {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, BORN)) => return Ok(()),
            Ok(other) => {
                return Err(io::Error::other(format!("a child that should only have exited ended with {other:?}")));
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn check_call(call: &str, result: i64) -> io::Result<i64> {
    match io::Error::last_os_error() {
        error if result < 0 => Err(io::Error::new(error.kind(), format!("{call}: {error}"))),
        _ => Ok(result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { source: crate::clock::Source::Vdso, ns_per_tick: 1.0, cost_ns: 20.0 };

    #[test]
    fn every_newborn_leaves_one_sign_after_it_was_called_for() {
        let sign = Shared::<Sign>::zeroed().unwrap();
        let mut stack = Stack::new();
        let small = ThreadKind { stack_bytes: Some(64 << 10), detached: false };
        let detached = ThreadKind { stack_bytes: None, detached: true };
        let born = |nth: u64, birth: &mut dyn FnMut(&Sign) -> io::Result<()>| {
            let before = CLOCK.start();
            birth(&sign).unwrap();
            assert_eq!(sign.count(), nth);
            assert!((before..=CLOCK.end()).contains(&sign.at_ticks()));
        };
        born(1, &mut |sign| by_fork(sign, &CLOCK));
        born(2, &mut |sign| by_clone3(sign, &CLOCK));
        born(3, &mut |sign| by_vfork(sign, &CLOCK, &mut stack));
        born(4, &mut |sign| by_pthread(sign, &CLOCK, small));
        born(5, &mut |sign| by_pthread(sign, &CLOCK, detached));
    }

    #[test]
    fn the_program_runs_and_what_is_no_program_is_an_error() {
        let mut program = Program::new().unwrap();
        // A child that another test forks meanwhile may have the file open for writing for a moment.
        while by_posix_spawn(&program).is_err_and(|error| error.raw_os_error() == Some(libc::ETXTBSY)) {}
        by_posix_spawn(&program).unwrap();
        by_fork_and_exec(&program).unwrap();
        program.path = CString::new("/dev/null").unwrap();
        assert!(by_fork_and_exec(&program).unwrap_err().to_string().contains("127"));
        assert!(by_posix_spawn(&program).is_err());
    }
}
