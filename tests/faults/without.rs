//! System calls that a sandbox refuses, one after the other.

use nix::errno::Errno;

use crate::common::ipcmark;
use crate::confined::Step;
use crate::live_run::Place;
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
    eventfd = SYS_eventfd2: ["eventfd", "eventfd-ring", "*-eventfd", "tokio-*"];
    io_uring_setup = SYS_io_uring_setup: ["io-uring-*"];
    memfd_create = SYS_memfd_create: ["fd-pass", "memfd-*", "pidfd-getfd", "pipe-splice"];
    mq_open = SYS_mq_open: ["posix-mq"];
    msgget = SYS_msgget: ["sysv-mq"];
    pidfd_getfd = SYS_pidfd_getfd: ["pidfd-getfd"];
    pidfd_open = SYS_pidfd_open: ["pidfd-*"];
    pidfd_send_signal = SYS_pidfd_send_signal: ["pidfd-exit"];
    process_vm_readv = SYS_process_vm_readv: ["process-vm-read"];
    process_vm_writev = SYS_process_vm_writev: ["process-vm-write"];
    semget = SYS_semget: ["sysv-sem", "*-sysv-sem"];
    shmget = SYS_shmget: ["sysv-shm-*"];
    signalfd = SYS_signalfd4: ["signalfd"];
    splice = SYS_splice: ["pipe-splice"];
    vmsplice = SYS_vmsplice: ["pipe-vmsplice*"];
}

/// Kernels without a kind of network say so in socket(2).
fn without_sockets_of(family: i32, mechanisms: &[&'static str]) {
    let missing: Vec<_> = mechanisms.iter().map(|mechanism| all(mechanism, &["socket: EAFNOSUPPORT"])).collect();
    let (call, errno) = (libc::SYS_socket, Errno::EAFNOSUPPORT);
    withheld(&[Step::Refuse(Refusal { call, first: Some(family), errno })], &missing);
}

#[test]
fn sockets_of_ipv4() {
    without_sockets_of(libc::AF_INET, &["tcp", "tcp-nagle", "tcp-reset", "tcp-zerocopy", "udp*"]);
}

#[test]
fn sockets_of_ipv6() {
    without_sockets_of(libc::AF_INET6, &["tcp-ipv6"]);
}

/// Few kernels have the local address of vsock: what is missing then says how to get it.
#[test]
fn sockets_of_vsock() {
    let support = ipcmark(Place::new().path(), &["list", "round-trip/process/same-cpu/block/vsock/64B"]).out;
    let available = support.contains("available");
    assert!(available || support.contains("modprobe vsock_loopback"), "{support}");
    without_sockets_of(libc::AF_VSOCK, &["vsock"]);
}
