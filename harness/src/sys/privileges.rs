//! prctl(2) and capset(2): what a worker may do beyond what any user may.
//!
//! Measuring takes four of root's capabilities, each to pass a limit of the kernel; the others only serve to do harm.
#![allow(unsafe_code)] // the call takes addresses

use std::ffi::c_long;
use std::io;

use nix::errno::Errno;
use nix::sys::prctl;

use super::refused;

/// What is kept where it is there, by number (linux/capability.h).
const KEPT: [u32; 4] = [
    14, // CAP_IPC_LOCK: mlock(2) and huge pages beyond RLIMIT_MEMLOCK
    23, // CAP_SYS_NICE: SCHED_FIFO
    24, // CAP_SYS_RESOURCE: pipes and queues beyond the limits of users
    38, // CAP_PERFMON: counting what the kernel does, where kernel.perf_event_paranoid forbids it to users
];

/// _LINUX_CAPABILITY_VERSION_3: two words of 32 bits for each set.
const VERSION: u32 = 0x2008_0522;

/// struct __user_cap_header_struct; process 0 is the caller.
#[repr(C)]
struct Header {
    version: u32,
    process: i32,
}

/// struct __user_cap_data_struct.
#[repr(C)]
#[derive(Copy, Clone, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// From now on the calling thread, and what it starts, can gain no privilege (`PR_SET_NO_NEW_PRIVS`), and of the
/// capabilities it has it keeps those that measuring takes. Fails where a sandbox refuses one of the calls.
pub fn drop_unneeded() -> io::Result<()> {
    prctl::set_no_new_privs().map_err(|errno| refused("prctl(PR_SET_NO_NEW_PRIVS)", errno, ""))?;
    let mut sets = [Sets::default(); 2];
    call("capget", libc::SYS_capget, &mut sets)?;
    for (word, sets) in sets.iter_mut().enumerate() {
        let kept =
            KEPT.iter().filter(|&&number| number / 32 == word as u32).fold(0, |bits, number| bits | 1 << (number % 32));
        *sets = Sets { effective: sets.effective & kept, permitted: sets.permitted & kept, inheritable: 0 };
    }
    call("capset", libc::SYS_capset, &mut sets)
}

fn call(name: &str, number: c_long, sets: &mut [Sets; 2]) -> io::Result<()> {
    let mut header = Header { version: VERSION, process: 0 };
    // SAFETY: this version of the header goes with two elements, which capget(2) writes and capset(2) reads.
    let done = unsafe { libc::syscall(number, &raw mut header, sets.as_mut_ptr()) };
    Errno::result(done).map(drop).map_err(|errno| refused(name, errno, ""))
}
