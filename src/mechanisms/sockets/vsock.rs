//! Sockets of virtual machines, AF_VSOCK, from one socket of this system to another by VMADDR_CID_LOCAL (Linux 5.6).
//!
//! They need no network. A packet is handed over by a work item of the kernel (net/vmw_vsock/vsock_loopback.c), so a third
//! party, a kernel thread, takes part in each.

use nix::sys::socket::VsockAddr;

use super::connection::{Connection, Route};
use crate::mechanism::{Family, Mechanism, Rank, Reach, Support};
use crate::shapes;

pub(super) static MECHANISM: Mechanism = Mechanism {
    name: "vsock",
    summary: "an AF_VSOCK stream connection over the local address, default buffers",
    family: Family::Socket,
    reach: Reach::Both,
    references: &["vsock(7)"],
    support,
    rank: Rank::Rare,
    shapes: &[
        shapes::transport::<Connection<Vsock>>(),
        shapes::fan_in::<Connection<Vsock>>(),
        shapes::rendezvous::<Connection<Vsock>>(),
    ],
};

fn support() -> Support {
    match Vsock::pair() {
        Ok(_) => Support::Available,
        Err(error) => Support::Missing(format!(
            "an AF_VSOCK connection to VMADDR_CID_LOCAL: {error}; the kernel needs CONFIG_VSOCKETS_LOOPBACK, as a module it is \
             loaded with `modprobe vsock_loopback`"
        )),
    }
}

struct Vsock;

impl Route for Vsock {
    type Address = VsockAddr;

    fn anywhere() -> VsockAddr {
        VsockAddr::new(libc::VMADDR_CID_LOCAL, libc::VMADDR_PORT_ANY)
    }

    fn port(address: &VsockAddr) -> u32 {
        address.port()
    }

    /// A socket that was bound by connecting says that its context is VMADDR_CID_ANY.
    fn is_here(address: &VsockAddr, port: u32) -> bool {
        address.port() == port
    }
}
