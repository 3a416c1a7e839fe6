//! System V message queues, msgget(2): messages of a type and a text, taken in order or by type.
#![allow(unsafe_code)] // the calls take buffers by address

use std::ffi::{c_int, c_long};
use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use super::{Kind, Object, explain_create, named_by};
use crate::sys::refused;

/// A queue; removed when the process that made it drops it.
#[derive(Debug)]
pub struct MessageQueue(Object<MessageQueue>);

impl MessageQueue {
    /// `msgget(key, IPC_CREAT | IPC_EXCL | 0600)`. Fails when the key is in use, and at `kernel.msgmni` queues.
    pub fn create(key: i32) -> io::Result<MessageQueue> {
        named_by(key)?;
        // SAFETY: the call takes no pointer.
        let created = Object::create(|flags| unsafe { libc::msgget(key, flags) });
        Ok(MessageQueue(created.map_err(|errno| explain_create::<Self>("a queue", key, errno))?))
    }

    /// `msgget(key, 0)`: the queue that another process has made and will remove.
    pub fn open(key: i32) -> io::Result<MessageQueue> {
        Object::open(key).map(MessageQueue)
    }

    /// `msgctl(IPC_STAT)`: how many bytes of text the queue holds (`msg_qbytes`, at first `kernel.msgmnb`).
    pub fn capacity_bytes(&self) -> io::Result<usize> {
        let status = status(self.0.id).map_err(|errno| refused("msgctl(IPC_STAT)", errno, ""))?;
        Ok(status.msg_qbytes as usize)
    }

    /// `msgsnd(2)` of the first `len` bytes of text. `flags`: 0 waits for room, `IPC_NOWAIT` says `EAGAIN`.
    ///
    /// Fails with `EINTR`, and with `EINVAL` for more text than `kernel.msgmax` or a type below 1.
    ///
    /// # Panics
    /// When the buffer is shorter than `len`.
    #[inline]
    pub fn send(&self, message: &MessageBuffer, len: usize, flags: c_int) -> nix::Result<()> {
        assert!(len <= message.text_bytes);
        // SAFETY: the buffer is a type with at least `len` bytes of text behind it; the kernel only reads them.
        Errno::result(unsafe { libc::msgsnd(self.0.id, message.words.as_ptr().cast(), len, flags) }).map(drop)
    }

    /// `msgrcv(2)` of a message of type `msgtyp` (0: the first of any; below 0: the lowest up to its absolute value);
    /// returns the length of its text. `flags`: 0 waits for one, `IPC_NOWAIT` says `EAGAIN` like all other calls that
    /// poll (the kernel's own word is `ENOMSG`).
    ///
    /// Fails with `EINTR`, and with `E2BIG` for more text than the buffer has room for.
    #[inline]
    pub fn receive(&self, message: &mut MessageBuffer, msgtyp: c_long, flags: c_int) -> nix::Result<usize> {
        let (buffer, room) = (message.words.as_mut_ptr().cast(), message.text_bytes);
        // SAFETY: the buffer has room for a type and `room` bytes of text behind it, and is borrowed for writing.
        let received = Errno::result(unsafe { libc::msgrcv(self.0.id, buffer, room, msgtyp, flags) });
        received.map(|len| len as usize).map_err(|errno| if errno == Errno::ENOMSG { Errno::EAGAIN } else { errno })
    }
}

impl Kind for MessageQueue {
    const GET: &'static str = "msgget";
    const LIMITS: &'static [&'static str] = &["msgmni"];

    fn find(key: i32) -> nix::Result<c_int> {
        // SAFETY: the call takes no pointer.
        Errno::result(unsafe { libc::msgget(key, 0) })
    }

    fn permissions(id: c_int) -> nix::Result<libc::ipc_perm> {
        Ok(status(id)?.msg_perm)
    }

    fn remove(id: c_int) -> nix::Result<()> {
        // SAFETY: IPC_RMID ignores the pointer.
        Errno::result(unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) }).map(drop)
    }
}

fn status(id: c_int) -> nix::Result<libc::msqid_ds> {
    let mut status = MaybeUninit::zeroed();
    // SAFETY: the call writes one status, to a live one; all zeros are a status, too.
    unsafe {
        Errno::result(libc::msgctl(id, libc::IPC_STAT, status.as_mut_ptr()))?;
        Ok(status.assume_init())
    }
}

/// A message as msgsnd(2) and msgrcv(2) want it, `struct msgbuf`: the type in a `long`, then the text.
#[derive(Debug)]
pub struct MessageBuffer {
    words: Box<[c_long]>,
    text_bytes: usize,
}

impl MessageBuffer {
    /// Type 1, and room for `text_bytes` bytes of text, all zero.
    pub fn new(text_bytes: usize) -> MessageBuffer {
        let mut words = vec![0; 1 + text_bytes.div_ceil(size_of::<c_long>())].into_boxed_slice();
        words[0] = 1;
        MessageBuffer { words, text_bytes }
    }

    /// The type: as set, or that of the message received last.
    pub fn mtype(&self) -> c_long {
        self.words[0]
    }

    /// Sets the type, at least 1.
    #[inline]
    pub fn set_mtype(&mut self, mtype: c_long) {
        self.words[0] = mtype;
    }

    /// The whole room for text, whatever was received into it.
    #[inline]
    pub fn text(&self) -> &[u8] {
        // SAFETY: the words behind the first are at least `text_bytes` bytes, initialised, and any bytes are valid.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().add(1).cast(), self.text_bytes) }
    }

    /// The same, to write to.
    #[inline]
    pub fn text_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `text`; `&mut self` makes the access exclusive, and any bytes are valid words.
        unsafe { std::slice::from_raw_parts_mut(self.words.as_mut_ptr().add(1).cast(), self.text_bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing;

    fn message(mtype: c_long, text: &[u8]) -> MessageBuffer {
        let mut message = MessageBuffer::new(text.len());
        message.set_mtype(mtype);
        message.text_mut().copy_from_slice(text);
        message
    }

    #[test]
    fn a_forked_child_answers_and_its_copy_removes_nothing() {
        let mut queue = Some(MessageQueue::create(testing::key()).unwrap());
        let (request, mut answer, mut childs) = (message(1, b"four"), MessageBuffer::new(5), MessageBuffer::new(9));
        let child = testing::fork(|| {
            let Some(queue) = queue.take() else { return false };
            let came = queue.receive(&mut childs, 1, 0) == Ok(4) && &childs.text()[..4] == b"four";
            childs.set_mtype(2);
            came && queue.send(&childs, 3, 0).is_ok()
        });
        let queue = queue.unwrap();
        queue.send(&request, 4, 0).unwrap();
        assert!(child.succeeded());
        assert_eq!(queue.receive(&mut answer, 2, libc::IPC_NOWAIT), Ok(3));
        assert_eq!((answer.mtype(), &answer.text()[..3]), (2, &b"fou"[..]));
    }

    #[test]
    fn a_queue_that_was_opened_by_its_key_is_the_same_and_stays_when_dropped() {
        let key = testing::key();
        let queue = MessageQueue::create(key).unwrap();
        MessageQueue::open(key).unwrap().send(&message(1, b"four"), 4, 0).unwrap();
        assert_eq!(queue.receive(&mut MessageBuffer::new(4), 0, libc::IPC_NOWAIT), Ok(4));
        drop(queue);
        assert!(MessageQueue::open(key).unwrap_err().to_string().contains("ENOENT"));
    }

    #[test]
    fn polling_says_eagain_when_empty_and_when_full() {
        let queue = MessageQueue::create(testing::key()).unwrap();
        let mut message = message(7, &[1; 1000]);
        assert_eq!(queue.receive(&mut message, 0, libc::IPC_NOWAIT), Err(Errno::EAGAIN));
        let room = queue.capacity_bytes().unwrap() / 1000;
        for _ in 0..room {
            queue.send(&message, 1000, libc::IPC_NOWAIT).unwrap();
        }
        assert_eq!(queue.send(&message, 1000, libc::IPC_NOWAIT), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_waiting_receiver_can_be_interrupted() {
        let queue = MessageQueue::create(testing::key()).unwrap();
        testing::assert_interruptible(|| queue.receive(&mut MessageBuffer::new(1), 0, 0));
    }

    #[test]
    fn messages_longer_than_the_buffer_are_refused_and_stay() {
        let queue = MessageQueue::create(testing::key()).unwrap();
        queue.send(&message(1, b"four"), 4, 0).unwrap();
        assert_eq!(queue.receive(&mut MessageBuffer::new(3), 0, 0), Err(Errno::E2BIG));
        assert_eq!(queue.receive(&mut MessageBuffer::new(4), 0, 0), Ok(4));
    }

    #[test]
    fn a_key_in_use_is_refused_by_name() {
        let key = testing::key();
        let _queue = MessageQueue::create(key).unwrap();
        let error = MessageQueue::create(key).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            error.to_string(),
            format!("msgget of a queue: EEXIST: File exists; another object has the key {key:#x}")
        );
    }
}
