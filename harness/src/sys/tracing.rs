//! Who may reach into this process: ptrace(2), and Yama's part in it.
#![allow(unsafe_code)] // the call takes its arguments untyped

/// `prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY)`: where `kernel.yama.ptrace_scope` is 1, not only ancestors of this process
/// may reach into it, but all that could without Yama: those of its user.
///
/// Elsewhere it changes nothing: without Yama the kernel answers `EINVAL`, and from 2 on it takes `CAP_SYS_PTRACE`, or
/// nobody may. So there is nothing to tell. Children do not inherit it.
pub fn let_others_trace() {
    // SAFETY: the call takes no pointer.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
}
