//! System calls that are refused, as a container or a sandbox refuses them: seccomp(2) filters.
#![allow(unsafe_code)] // prctl(2)

use nix::errno::Errno;

/// A system call that is refused to a process and to all that it starts.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// Its number.
    pub(crate) call: libc::c_long,
    /// The first argument with which it is refused; none: it always is.
    pub(crate) first: Option<i32>,
    /// With what.
    pub(crate) errno: Errno,
}

/// Where the filter finds the number of the call, and the low half of its first argument: `struct seccomp_data`.
const NUMBER: u32 = 0;
const FIRST: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };

impl Refusal {
    /// Installs the filter; async-signal-safe.
    pub(crate) fn install(&self) -> nix::Result<()> {
        let unless = |at, value: u32, skip: u8| [load(at), jump_unless(value, skip)];
        let [load_number, other_call] = unless(NUMBER, self.call as u32, 3);
        let [load_first, other_argument] = unless(FIRST, self.first.unwrap_or_default() as u32, 1);
        let refuse = end(libc::SECCOMP_RET_ERRNO | self.errno as u32);
        let narrow = [load_number, other_call, load_first, other_argument, refuse, end(libc::SECCOMP_RET_ALLOW)];
        let always = [load_number, jump_unless(self.call as u32, 1), refuse, end(libc::SECCOMP_RET_ALLOW)];
        install(if self.first.is_some() { &narrow } else { &always })
    }
}

fn install(filter: &[libc::sock_filter]) -> nix::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which outlives the call and is not written to.
    let done = unsafe {
        Errno::result(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    Errno::result(done).map(drop)
}

fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, offset)
}

/// Passes `skip` instructions over when what is loaded is not `value`.
fn jump_unless(value: u32, skip: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, skip, value)
}

fn end(verdict: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, verdict)
}

fn instruction(code: u32, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf, k }
}
