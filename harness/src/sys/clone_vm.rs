//! clone(2) with `CLONE_VM`: a process that shares the address space of the thread that starts it, and nothing else.
//!
//! To the kernel it is a process: a number, a parent, signals, descriptors and limits of its own. Only its page tables are
//! the starter's. Switching to it therefore differs from switching to a thread in all but the address space.
#![allow(unsafe_code)] // clone takes a stack and a function

use std::ffi::{c_int, c_void};
use std::io;
use std::num::NonZeroUsize;

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use super::process::exit_now;
use super::refused;

/// As much as std gives a thread.
const STACK_BYTES: usize = 2 << 20;
/// Below the stack: no page is larger (64 KiB, on Arm and POWER).
const GUARD_BYTES: usize = 64 << 10;

/// How a process ended before it had returned from its body: a status as wait(2) gives it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Ended(pub c_int);

/// `clone(CLONE_VM | SIGCHLD)` on a stack of its own, and `wait4(2)`: runs `body` in a process that shares this one's memory,
/// and returns what it returned once that process is gone.
///
/// The process has the descriptors that were open, as copies: what it closes stays open here, and the other way round. All
/// signals are blocked in it: none of this process' handlers runs there, and only SIGKILL ends it from without.
///
/// `body` borrows the calling thread's thread-local storage, errno and std's thread handle included. It must not rely on what
/// libc keeps there of the kernel's thread: sched_getcpu(3) reads the rseq(2) area, which the kernel updates for the thread
/// only, and robust, error-checking and priority-inheriting mutexes the number of the thread. A panic must not unwind out
/// of `body`. Fails with `EAGAIN` beyond RLIMIT_NPROC or pids.max, and where a seccomp filter says so.
pub fn run<R: Send>(body: impl FnOnce() -> R + Send) -> io::Result<Result<R, Ended>> {
    let stack = Stack::new()?;
    let _blocked = Blocked::all()?;
    let mut errand = Errand { body: Some(body), outcome: None };
    let status = clone_and_wait(&stack, &mut errand)?;
    Ok(errand.outcome.ok_or(Ended(status)))
}

/// What lies in the starter's frame: the process takes the one and leaves the other.
struct Errand<B, R> {
    body: Option<B>,
    outcome: Option<R>,
}

extern "C" fn in_the_process<B: FnOnce() -> R, R>(errand: *mut c_void) -> c_int {
    // SAFETY: `clone_and_wait` passes its errand, which lives until this process has ended, and leaves it alone meanwhile.
    let errand = unsafe { &mut *errand.cast::<Errand<B, R>>() };
    if let Some(body) = errand.body.take() {
        errand.outcome = Some(body());
    }
    exit_now(0)
}

/// Returns the status with which the process has ended.
fn clone_and_wait<B: FnOnce() -> R, R>(stack: &Stack, errand: &mut Errand<B, R>) -> io::Result<c_int> {
    let (flags, mut status) = (libc::CLONE_VM | libc::SIGCHLD, 0);
    let errand = std::ptr::from_mut(errand).cast();
    // SAFETY: without CLONE_SETTLS the process has this thread's thread-local storage, and with it whatever libc and std
    // believe to be this thread's alone (errno, malloc's cache). It has it alone: this thread makes one bare system call
    // between the process' begin and its end, runs no handler, since all signals are blocked, and wait4 fails neither by a
    // signal nor otherwise, so that errno is not written. The kernel orders what the process wrote before the return of
    // wait4. The stack is mapped, is used by nobody else, and is given back after the process is gone.
    let waited = unsafe {
        let pid = libc::clone(in_the_process::<B, R>, stack.top(), flags, errand);
        if pid < 0 {
            return Err(refused("clone(CLONE_VM)", Errno::last(), what_refuses(Errno::last())));
        }
        libc::syscall(libc::SYS_wait4, pid, &raw mut status, libc::__WALL, std::ptr::null_mut::<c_void>())
    };
    if waited < 0 { Err(refused("wait4", Errno::last(), "")) } else { Ok(status) }
}

fn what_refuses(errno: Errno) -> &'static str {
    match errno {
        Errno::EAGAIN => "; RLIMIT_NPROC (`ulimit -u`) or pids.max of the control group allows no further process",
        Errno::EPERM => "; a seccomp filter may be the reason",
        _ => "",
    }
}

/// Memory for a stack, above pages that nobody may touch.
struct Stack(std::ptr::NonNull<c_void>);

impl Stack {
    const BYTES: NonZeroUsize = NonZeroUsize::new(GUARD_BYTES + STACK_BYTES).expect("is not zero");

    fn new() -> io::Result<Stack> {
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_STACK;
        // SAFETY: an anonymous mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe { mmap_anonymous(None, Self::BYTES, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, flags) }
            .map_err(|errno| refused("mmap of a stack", errno, ""))?;
        let stack = Stack(start);
        // SAFETY: the pages are the lowest of this mapping, which nobody uses yet.
        unsafe { mprotect(start, GUARD_BYTES, ProtFlags::PROT_NONE) }
            .map_err(|errno| refused("mprotect of a stack's guard", errno, ""))?;
        Ok(stack)
    }

    /// It grows downwards; page-aligned, as every ABI is content with.
    fn top(&self) -> *mut c_void {
        self.0.as_ptr().wrapping_byte_add(Self::BYTES.get())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody runs on it any more.
        let _ = unsafe { munmap(self.0, Self::BYTES.get()) };
    }
}

/// The calling thread's signals, held back until dropped.
struct Blocked(SigSet);

impl Blocked {
    fn all() -> io::Result<Blocked> {
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), Some(&mut before))?;
        Ok(Blocked(before))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.0), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{Pid, getpid, gettid};

    #[test]
    fn it_is_another_process_with_the_same_memory() {
        let (here, mut written) = (getpid(), 0);
        let theirs = run(|| {
            written = 7;
            (getpid(), gettid())
        });
        let (pid, tid) = theirs.unwrap().unwrap();
        assert!(pid == tid && pid != here, "{pid} and {tid} in {here}");
        assert_eq!(written, 7);
    }

    #[test]
    fn what_it_allocates_belongs_to_both() {
        let text = run(|| vec!["made there".to_owned(); 1000]).unwrap().unwrap();
        assert!(text.iter().all(|text| text == "made there"));
    }

    #[test]
    fn an_early_end_is_told_with_its_status() {
        let exit = run(|| exit_now(3)).unwrap().map(|never: ()| never);
        assert!(matches!(exit, Err(Ended(status)) if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 3));
        let killed = run(|| kill(Pid::this(), Signal::SIGKILL).is_ok()).unwrap();
        assert!(matches!(killed, Err(Ended(status)) if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == 9));
    }

    #[test]
    fn what_it_closes_stays_open_here() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        assert!(run(|| nix::unistd::close(number).is_ok()).unwrap().unwrap());
        assert!(file.metadata().is_ok());
    }

    #[test]
    fn signals_of_the_caller_are_as_before() {
        let mask = || {
            let mut mask = SigSet::empty();
            pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut mask)).unwrap();
            mask
        };
        let before = mask();
        run(|| ()).unwrap().unwrap();
        assert_eq!(mask(), before);
    }
}
