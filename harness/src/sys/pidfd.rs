//! Descriptors of processes: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
#![allow(unsafe_code)] // raw system calls, and what they return becomes an owned descriptor

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::Pid;

use super::refused;

/// `syscall(SYS_pidfd_open, pid, 0)`: a close-on-exec descriptor of a process, readable once it has ended. Linux 5.3.
pub fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    let flags: c_uint = 0;
    // SAFETY: the call takes no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), flags) };
    owned(fd).map_err(|errno| refused(format_args!("pidfd_open of process {pid}"), errno, since(errno, "5.3")))
}

/// `syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)`: as kill(2), to a process whose number cannot have been
/// given to another. `ESRCH` once it has ended. Linux 5.1.
#[inline]
pub fn pidfd_send_signal(pidfd: impl AsFd, signal: c_int) -> nix::Result<()> {
    let (pidfd, no_info, flags) = (pidfd.as_fd().as_raw_fd(), std::ptr::null::<c_void>(), 0 as c_uint);
    // SAFETY: without a siginfo the kernel follows no pointer.
    Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, no_info, flags) }).map(drop)
}

/// `syscall(SYS_pidfd_getfd, pidfd, target, 0)`: a close-on-exec duplicate of descriptor `target` of that process.
/// Linux 5.6.
///
/// Fails with `EPERM` where this process may not trace that one: ptrace(2), `PTRACE_MODE_ATTACH_REALCREDS`.
pub fn pidfd_getfd(pidfd: impl AsFd, target: RawFd) -> io::Result<OwnedFd> {
    let flags: c_uint = 0;
    // SAFETY: the call takes no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_fd().as_raw_fd(), target, flags) };
    owned(fd).map_err(|errno| {
        let cause = match errno {
            Errno::EPERM => "; it takes the right to trace that process: its user, and kernel.yama.ptrace_scope".into(),
            _ => since(errno, "5.6"),
        };
        refused(format_args!("pidfd_getfd of descriptor {target}"), errno, cause)
    })
}

fn owned(result: libc::c_long) -> nix::Result<OwnedFd> {
    let fd = Errno::result(result)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// What an older kernel lacks.
fn since(errno: Errno, release: &str) -> String {
    if errno == Errno::ENOSYS { format!("; it wants Linux {release}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{pause, pipe, read, write};

    #[test]
    fn a_descriptor_of_a_child_can_be_taken_and_the_child_signalled() {
        let (reader, writer) = pipe().unwrap();
        let number = writer.as_raw_fd();
        let child = testing::fork(|| {
            loop {
                pause();
            }
        });
        drop(writer);
        let pidfd = pidfd_open(child.0).unwrap();
        let taken = pidfd_getfd(&pidfd, number).unwrap();
        assert_eq!(write(&taken, b"x"), Ok(1));
        assert_eq!(read(&reader, &mut [0; 2]), Ok(1));
        pidfd_send_signal(&pidfd, libc::SIGKILL).unwrap();
        let ended = waitpid(child.0, None).unwrap();
        assert_eq!(ended, WaitStatus::Signaled(child.0, nix::sys::signal::Signal::SIGKILL, false));
        assert_eq!(pidfd_send_signal(&pidfd, 0), Err(Errno::ESRCH));
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_refused_by_number() {
        let pidfd = pidfd_open(nix::unistd::getpid()).unwrap();
        let error = pidfd_getfd(&pidfd, RawFd::MAX).unwrap_err().to_string();
        assert_eq!(error, "pidfd_getfd of descriptor 2147483647: EBADF: Bad file number");
    }

    #[test]
    fn a_process_that_is_not_there_is_refused() {
        let error = pidfd_open(Pid::from_raw(i32::MAX)).unwrap_err().to_string();
        assert!(error.starts_with("pidfd_open of process 2147483647: ESRCH"), "{error}");
    }
}
