//! seccomp(2) filters for the calling thread: programs that the kernel runs, or has run in advance, for each system call.
#![allow(unsafe_code)] // prctl(2) takes an address

use std::io;

use nix::errno::Errno;
use nix::sys::prctl::set_no_new_privs;

use super::refused;

/// How a filter decides.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// By the number of the call alone. Since Linux 5.11 the kernel finds out in advance which numbers such a filter always
    /// allows, and does not run it for them.
    ByNumber,
    /// By an argument, too: it is run for each call.
    ByArgument,
}

/// What container engines refuse by default, as far as every architecture has it
/// (<https://docs.docker.com/engine/security/seccomp/>).
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_get_mempolicy,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_mount,
    libc::SYS_move_pages,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_set_mempolicy,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_umount2,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Where a filter finds the number of the call, and the low half of its last argument: `struct seccomp_data`.
const NUMBER: u32 = 0;
const LAST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 56 } else { 60 };

/// `prctl(PR_SET_NO_NEW_PRIVS)` and `prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER)`: from now on the calling thread, and whom it
/// starts, is refused the calls that container engines refuse. There is no way back. Fails where the kernel has no filters, or a
/// filter that is there already refuses more of them.
pub fn install(filter: Filter) -> io::Result<()> {
    set_no_new_privs().map_err(|errno| refused("prctl(PR_SET_NO_NEW_PRIVS)", errno, ""))?;
    let mut instructions = program(filter);
    let program = libc::sock_fprog { len: instructions.len() as u16, filter: instructions.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which outlives the call.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    Errno::result(done).map(drop).map_err(|errno| {
        let cause = match errno {
            Errno::EINVAL => "; it wants a kernel with CONFIG_SECCOMP_FILTER",
            Errno::EPERM | Errno::EACCES => "; a filter that is there already, such as a container's, forbids another",
            _ => "",
        };
        refused("prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER)", errno, cause)
    })
}

fn program(filter: Filter) -> Vec<libc::sock_filter> {
    let mut program = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, NUMBER)];
    for &call in REFUSED {
        program.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, call as u32));
        program.push(end(libc::SECCOMP_RET_ERRNO | Errno::EPERM as u32));
    }
    if filter == Filter::ByArgument {
        program.push(instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, LAST_ARGUMENT));
    }
    program.push(end(libc::SECCOMP_RET_ALLOW));
    program
}

fn end(verdict: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, verdict)
}

/// `otherwise`: how many instructions a comparison that fails passes over.
fn instruction(code: u32, otherwise: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: otherwise, k }
}

/// `getppid(2)` by its number, so that no library can answer in the kernel's stead.
#[inline]
pub fn getppid_by_number() -> i64 {
    // SAFETY: the call takes no argument, and cannot fail.
    unsafe { libc::syscall(libc::SYS_getppid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_filter_is_refused_what_it_refuses_and_nothing_else() {
        for filter in [Filter::ByNumber, Filter::ByArgument] {
            let seen = std::thread::spawn(move || {
                install(filter)?;
                // SAFETY: without a name it would fail with EFAULT: all that matters is that it does not get so far.
                let mount = unsafe { libc::syscall(libc::SYS_umount2, std::ptr::null::<libc::c_char>(), 0) };
                io::Result::Ok((mount, Errno::last(), getppid_by_number()))
            });
            match seen.join().unwrap() {
                Ok((mount, errno, parent)) => {
                    assert_eq!((mount, errno), (-1, Errno::EPERM));
                    assert_eq!(parent, i64::from(nix::unistd::getppid().as_raw()));
                }
                Err(error) => eprintln!("skipped: {error}"),
            }
        }
    }
}
