//! System V IPC, sysvipc(7): objects that a key names, and that stay until somebody removes them.
//!
//! - An object is made for its owner only, under a key that nobody else uses.
//! - A handle holds the identifier, which means the same in every process: after fork(2) parent and child use their
//!   copies, threads an `Arc`.
//! - Dropping a handle removes the object in the process that made it, and nothing in a forked one.
//! - What a killed process left is removed by its key.
#![allow(unsafe_code)] // the control calls take pointers

use std::ffi::c_int;
use std::fmt::Display;
use std::io;
use std::marker::PhantomData;

use nix::errno::Errno;
use nix::unistd::{Pid, geteuid, getpid};

use super::refused;

pub mod message_queue;
pub mod semaphore;
pub mod shared_memory;

/// What objects are created with: reading and writing for their owner.
const OWNER_ONLY: c_int = 0o600;

/// The three kinds of object: their calls, and the limits in /proc/sys/kernel that those run into.
trait Kind {
    /// `msgget`.
    const GET: &'static str;
    /// `msgctl`.
    const CONTROL: &'static str;
    const LIMITS: &'static [&'static str];
    /// The object of this key, if there is one.
    fn find(key: i32) -> nix::Result<c_int>;
    /// `IPC_STAT`.
    fn permissions(id: c_int) -> nix::Result<libc::ipc_perm>;
    /// `IPC_RMID`.
    fn remove(id: c_int) -> nix::Result<()>;
}

/// An object that somebody has made: this process, the one it was forked from, or another one.
#[derive(Debug)]
struct Object<K: Kind> {
    id: c_int,
    /// Who removes it, if that is known.
    creator: Option<Pid>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Object<K> {
    /// Of what `get` returns when it is given the flags: an identifier, or -1.
    fn create(get: impl FnOnce(c_int) -> c_int) -> nix::Result<Object<K>> {
        let id = Errno::result(get(libc::IPC_CREAT | libc::IPC_EXCL | OWNER_ONLY))?;
        Ok(Object { id, creator: Some(getpid()), kind: PhantomData })
    }

    /// The one of this key, which whoever made it removes.
    fn open(key: i32) -> io::Result<Object<K>> {
        named_by(key)?;
        match K::find(key) {
            Ok(id) => Ok(Object { id, creator: None, kind: PhantomData }),
            Err(errno) => Err(refused(format_args!("{} of key {key:#x}", K::GET), errno, "")),
        }
    }
}

impl<K: Kind> Drop for Object<K> {
    fn drop(&mut self) {
        if self.creator == Some(getpid()) {
            // An error means that it is gone already.
            let _ = K::remove(self.id);
        }
    }
}

/// Refuses `IPC_PRIVATE`: nobody could find such an object again, and looking for it makes another.
fn named_by(key: i32) -> io::Result<()> {
    if key == libc::IPC_PRIVATE {
        let why = "a System V object wants a key other than 0, which is IPC_PRIVATE and names nothing";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(())
}

#[cold]
fn explain_create<K: Kind>(what: impl Display, key: i32, errno: Errno) -> io::Error {
    let cause = match errno {
        Errno::EEXIST => format!("; another object has the key {key:#x}"),
        Errno::ENOSYS => "; this kernel is built without CONFIG_SYSVIPC".into(),
        Errno::ENOSPC | Errno::EINVAL => {
            K::LIMITS.iter().map(|name| format!("; kernel.{name} is {}", limit(name))).collect()
        }
        _ => String::new(),
    };
    refused(format_args!("{} of {what}", K::GET), errno, cause)
}

fn limit(name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
    text.map_or_else(|_| "unknown".into(), |text| text.trim().replace('\t', " "))
}

/// Removes the object of `key` if it is ours: made by this user, for its owner only. That there is none is fine.
fn remove_by_key<K: Kind>(key: i32) -> io::Result<()> {
    named_by(key)?;
    match remove_ours::<K>(key) {
        Ok(None) | Err(Errno::ENOENT | Errno::EIDRM | Errno::EINVAL) => Ok(()),
        Ok(Some(foreign)) => {
            let (creator, mode) = (foreign.cuid, foreign.mode);
            let why = format!("the object of key {key:#x} is not removed: user {creator} made it, with mode {mode:#o}");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
        }
        Err(errno) => Err(refused(format_args!("{} of key {key:#x}", K::CONTROL), errno, "")),
    }
}

/// The permissions of an object that is not ours and stays; `ENOENT` where there is none, `EIDRM` or `EINVAL` where
/// somebody has just removed it.
fn remove_ours<K: Kind>(key: i32) -> nix::Result<Option<libc::ipc_perm>> {
    let id = K::find(key)?;
    let permissions = K::permissions(id)?;
    // The bits above say that a segment is locked, or is to be destroyed.
    let mode = permissions.mode as c_int & 0o777;
    if permissions.cuid != geteuid().as_raw() || mode != OWNER_ONLY {
        return Ok(Some(permissions));
    }
    K::remove(id).map(|()| None)
}

#[cfg(test)]
mod tests {
    use super::message_queue::MessageQueue;
    use super::semaphore::Semaphore;
    use super::shared_memory::Segment;
    use super::*;
    use crate::sys::huge_pages::Pages;
    use crate::sys::testing;

    #[test]
    fn what_a_dead_process_left_is_removed_by_its_key() {
        let key = testing::key();
        let child = testing::fork(|| {
            let made = (MessageQueue::create(key), Semaphore::create(key, 0), Segment::create(key, 1, Pages::Base));
            let all = made.0.is_ok() && made.1.is_ok() && made.2.is_ok();
            std::mem::forget(made);
            all
        });
        assert!(child.succeeded());
        assert!(MessageQueue::find(key).is_ok() && Semaphore::find(key).is_ok() && Segment::find(key).is_ok());
        for _again in 0..2 {
            MessageQueue::remove_by_key(key).unwrap();
            Semaphore::remove_by_key(key).unwrap();
            Segment::remove_by_key(key).unwrap();
        }
        assert_eq!(MessageQueue::find(key), Err(Errno::ENOENT));
        assert_eq!(Semaphore::find(key), Err(Errno::ENOENT));
        assert_eq!(Segment::find(key), Err(Errno::ENOENT));
    }

    /// A queue as somebody else would have made it.
    fn foreign_queue(key: i32, mode: c_int) -> nix::Result<c_int> {
        // SAFETY: the call takes no pointer.
        Errno::result(unsafe { libc::msgget(key, libc::IPC_CREAT | libc::IPC_EXCL | mode) })
    }

    #[test]
    fn an_object_open_to_others_is_not_removed() {
        let key = testing::key();
        let id = foreign_queue(key, 0o666).unwrap();
        let refused = MessageQueue::remove_by_key(key);
        MessageQueue::remove(id).unwrap();
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("with mode 0o666"), "{error}");
    }

    #[test]
    fn an_object_of_another_user_is_not_removed() {
        if !geteuid().is_root() {
            return eprintln!("skipped: only root can make an object as another user");
        }
        let key = testing::key();
        // SAFETY: setuid takes no pointer, and changes the child only.
        let child = testing::fork(|| unsafe { libc::setuid(65534) } == 0 && foreign_queue(key, OWNER_ONLY).is_ok());
        assert!(child.succeeded());
        let refused = MessageQueue::remove_by_key(key);
        MessageQueue::remove(MessageQueue::find(key).unwrap()).unwrap();
        assert!(refused.unwrap_err().to_string().contains("user 65534 made it"));
    }

    #[test]
    fn key_zero_names_nothing() {
        assert_eq!(MessageQueue::create(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(MessageQueue::remove_by_key(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
