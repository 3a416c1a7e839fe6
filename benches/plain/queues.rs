//! Message queues by hand. System V: msgsnd(2) and msgrcv(2), a type for either direction; killed half-way, it leaves its queue to
//! ipcrm(1). POSIX: mq_send(3) and mq_receive(3), a queue for either direction.

use std::ffi::CString;
use std::hint::black_box;

use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_attr_member_t, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::stat::Mode;

use super::{MESSAGE, Plan};

/// `struct msgbuf`.
#[repr(C)]
struct Message {
    mtype: libc::c_long,
    text: [u8; MESSAGE],
}

const THERE: libc::c_long = 1;
const BACK: libc::c_long = 2;

pub(crate) fn posix_round_trip_blocking(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let (there, back) = (posix_queue()?, posix_queue()?);
    let (mut near_message, mut far_message, mut priority) = ([0; MESSAGE], [0; MESSAGE], 0);
    let send = |queue: &MqdT, message: &[u8]| mq_send(queue, message, 0);
    plan.in_two_processes(
        || {
            let _ = mq_receive(&there, &mut far_message, &mut 0);
            let _ = send(&back, &far_message);
        },
        || {
            plan.time(|| {
                let _ = send(&there, &near_message);
                let _ = mq_receive(&back, &mut near_message, &mut priority);
            })
        },
    )
}

/// Of ten messages, and without a name from here on.
fn posix_queue() -> anyhow::Result<MqdT> {
    let name = CString::new(format!("/plain-{}", std::process::id()))?;
    let form = MqAttr::new(0, 10, MESSAGE as mq_attr_member_t, 0);
    let flags = MQ_OFlag::O_RDWR | MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL;
    let queue = mq_open(name.as_c_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR, Some(&form))?;
    mq_unlink(name.as_c_str())?;
    Ok(queue)
}

/// The messages lie where the calls want them, and nobody looks at them.
pub(crate) fn sysv_round_trip_blocking(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    sysv_round_trip::<false>(plan)
}

/// Both ends have their messages elsewhere, copy them behind a type, and out again, as who has something to say must.
pub(crate) fn sysv_round_trip_with_copies(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    sysv_round_trip::<true>(plan)
}

fn sysv_round_trip<const COPIES: bool>(plan: &Plan) -> anyhow::Result<Vec<f64>> {
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
    let (mut near_text, mut far_text) = (vec![0; MESSAGE], vec![0; MESSAGE]);
    let (copy_in, copy_out) = (
        |message: &mut Message, text: &[u8]| {
            if COPIES {
                message.text.copy_from_slice(black_box(text))
            }
        },
        |text: &mut [u8], message: &Message| {
            if COPIES {
                black_box(text).copy_from_slice(&message.text)
            }
        },
    );
    let times = plan.in_two_processes(
        || {
            receive(&mut far_message, THERE);
            copy_out(&mut far_text, &far_message);
            copy_in(&mut far_message, &far_text);
            send(&mut far_message, BACK);
        },
        || {
            plan.time(|| {
                copy_in(&mut near_message, &near_text);
                send(&mut near_message, THERE);
                receive(&mut near_message, BACK);
                copy_out(&mut near_text, &near_message);
            })
        },
    );
    // SAFETY: IPC_RMID ignores the pointer.
    unsafe { libc::msgctl(queue, libc::IPC_RMID, std::ptr::null_mut()) };
    times
}
