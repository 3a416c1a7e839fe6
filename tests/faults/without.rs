//! System calls that a sandbox refuses, one after the other.

use nix::errno::Errno;

use crate::confined::Step;
use crate::seccomp::Refusal;
use crate::withheld::{all, listed, withheld};

/// Asserts that exactly these mechanisms are missing without this call, with a reason that names it, whether the
/// sandbox forbids the call or hides it.
fn without(call: libc::c_long, name: &'static [&'static str], mechanisms: &[&'static str]) {
    let missing: Vec<_> = mechanisms.iter().map(|mechanism| all(mechanism, name)).collect();
    let refused = |errno| [Step::Refuse(Refusal { call, first: None, errno })];
    withheld(&refused(Errno::EPERM), &missing);
    listed(&refused(Errno::ENOSYS), &missing);
}

macro_rules! without {
    ($($name:ident = $call:ident: $mechanisms:expr;)*) => { $(
        #[test]
        fn $name() {
            without(libc::$call, &[stringify!($name)], &$mechanisms);
        }
    )* };
}

without! {
    eventfd = SYS_eventfd2: ["eventfd"];
    io_uring_setup = SYS_io_uring_setup: ["io-uring-msg-ring"];
    memfd_create = SYS_memfd_create: ["pipe-splice"];
    mq_open = SYS_mq_open: ["posix-mq"];
    msgget = SYS_msgget: ["sysv-mq"];
    pidfd_open = SYS_pidfd_open: ["pidfd-exit"];
    pidfd_send_signal = SYS_pidfd_send_signal: ["pidfd-exit"];
    signalfd = SYS_signalfd4: ["signalfd"];
    splice = SYS_splice: ["pipe-splice"];
    vmsplice = SYS_vmsplice: ["pipe-vmsplice", "pipe-vmsplice-gift", "pipe-vmsplice-1mib"];
}
