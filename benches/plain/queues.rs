//! A System V message queue by hand: msgsnd(2) and msgrcv(2), a type for either direction. Killed half-way, it leaves its
//! queue to ipcrm(1).

use super::{MESSAGE, Plan};

/// `struct msgbuf`.
#[repr(C)]
struct Message {
    mtype: libc::c_long,
    text: [u8; MESSAGE],
}

const THERE: libc::c_long = 1;
const BACK: libc::c_long = 2;

pub(crate) fn sysv_round_trip_blocking(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    // SAFETY: the call takes no pointer.
    let queue = unsafe { libc::msgget(libc::IPC_PRIVATE, 0o600) };
    anyhow::ensure!(queue >= 0, "msgget: {}", std::io::Error::last_os_error());
    let send = |message: &mut Message, mtype| {
        message.mtype = mtype;
        // SAFETY: a type and so many bytes of text behind it.
        unsafe { libc::msgsnd(queue, std::ptr::from_ref(message).cast(), MESSAGE, 0) };
    };
    let receive = |message: &mut Message, mtype| {
        // SAFETY: room for a type and so many bytes of text behind it.
        unsafe { libc::msgrcv(queue, std::ptr::from_mut(message).cast(), MESSAGE, mtype, 0) };
    };
    let mut near_message = Message { mtype: THERE, text: [0; MESSAGE] };
    let mut far_message = Message { mtype: BACK, text: [0; MESSAGE] };
    let times = plan.in_two_processes(
        || {
            for _ in 0..plan.operations() {
                receive(&mut far_message, THERE);
                send(&mut far_message, BACK);
            }
        },
        || {
            plan.time(|| {
                send(&mut near_message, THERE);
                receive(&mut near_message, BACK);
            })
        },
    );
    // SAFETY: IPC_RMID ignores the pointer.
    unsafe { libc::msgctl(queue, libc::IPC_RMID, std::ptr::null_mut()) };
    times
}
