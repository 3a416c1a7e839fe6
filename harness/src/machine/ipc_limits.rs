//! Limits of the kernel's IPC: they decide how much may be in flight, and with it throughput.
//!
//! Sources: pipe(7), mq_overview(7), sysvipc(7), socket(7), tcp(7), unix(7), and Documentation/admin-guide/sysctl.

use super::Root;
use super::key::{Key, Reading};
use serde_json::json;

const SEM: &str = "/proc/sys/kernel/sem";

pub(super) const KEYS: &[Key] = &[
    Key::number("pipe_max_size_bytes", "/proc/sys/fs/pipe-max-size", "largest pipe buffer without privilege"),
    Key::number(
        "pipe_user_pages_soft_pages",
        "/proc/sys/fs/pipe-user-pages-soft",
        "pages in pipes of one user, above which new pipes get two pages; 0 is no limit",
    ),
    Key::number(
        "pipe_user_pages_hard_pages",
        "/proc/sys/fs/pipe-user-pages-hard",
        "pages in pipes of one user, above which none is made; 0 is no limit",
    ),
    Key::number("posix_mq_depth_max_messages", "/proc/sys/fs/mqueue/msg_max", "messages in one POSIX queue (msg_max)"),
    Key::number("posix_mq_message_max_bytes", "/proc/sys/fs/mqueue/msgsize_max", "one POSIX message (msgsize_max)"),
    Key::number("posix_mq_queues_max", "/proc/sys/fs/mqueue/queues_max", "POSIX queues in the system (number)"),
    Key::number("sysv_message_max_bytes", "/proc/sys/kernel/msgmax", "one System V message (msgmax)"),
    Key::number("sysv_queue_max_bytes", "/proc/sys/kernel/msgmnb", "all messages in one System V queue (msgmnb)"),
    Key::number("sysv_queues_max", "/proc/sys/kernel/msgmni", "System V queues in the system (number; msgmni)"),
    Key::by("sysv_semaphores", SEM, "System V semaphores: in a set, in all, operations in a call, sets", semaphores),
    Key::number("sysv_shm_segment_max_bytes", "/proc/sys/kernel/shmmax", "one System V shared segment (shmmax)"),
    Key::number("sysv_shm_total_max_pages", "/proc/sys/kernel/shmall", "all System V shared memory (shmall)"),
    Key::number("sysv_shm_segments_max", "/proc/sys/kernel/shmmni", "System V segments (number; shmmni)"),
    Key::number("socket_send_default_bytes", "/proc/sys/net/core/wmem_default", "send buffer not asked for"),
    Key::number("socket_send_max_bytes", "/proc/sys/net/core/wmem_max", "largest send buffer one may ask for"),
    Key::number("socket_receive_default_bytes", "/proc/sys/net/core/rmem_default", "receive buffer not asked for"),
    Key::number("socket_receive_max_bytes", "/proc/sys/net/core/rmem_max", "largest receive buffer one may ask for"),
    Key::words("tcp_send_bytes", "/proc/sys/net/ipv4/tcp_wmem", "TCP send buffer: least, initial, most"),
    Key::words("tcp_receive_bytes", "/proc/sys/net/ipv4/tcp_rmem", "TCP receive buffer: least, initial, most"),
    Key::text(
        "tcp_congestion_control",
        "/proc/sys/net/ipv4/tcp_congestion_control",
        "the default algorithm; some, as bbr, pace what they send on loopback too",
    ),
    Key::number(
        "unix_datagram_queue_max_datagrams",
        "/proc/sys/net/unix/max_dgram_qlen",
        "datagrams queued at a unix socket before its senders wait",
    ),
    Key::number("loopback_mtu_bytes", "/sys/class/net/lo/mtu", "longest packet on loopback; longer sends are cut"),
    Key::number("somaxconn", "/proc/sys/net/core/somaxconn", "connections waiting to be accepted (number)"),
    Key::number("busy_poll_us", "/proc/sys/net/core/busy_poll", "how long poll and select spin on a device queue"),
    Key::number("io_uring_disabled", "/proc/sys/kernel/io_uring_disabled", "0 all may, 1 privileged only, 2 none"),
    Key::number("threads_max", "/proc/sys/kernel/threads-max", "threads in the system (number)"),
    Key::number("pid_max", "/proc/sys/kernel/pid_max", "process ids in the system (number)"),
];

/// The order of the four numbers is that of proc_sys_kernel(5).
fn semaphores(root: &Root) -> Reading {
    let text = root.read(SEM)?;
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [semmsl, semmns, semopm, semmni] => {
            Ok(json!({"semmsl": semmsl, "semmns": semmns, "semopm": semopm, "semmni": semmni}))
        }
        _ => Err(format!("{SEM} holds `{text}`, expected four numbers")),
    }
}
