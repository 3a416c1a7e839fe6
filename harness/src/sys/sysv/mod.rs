//! System V IPC, sysvipc(7): objects that a key names, and that stay until somebody removes them.
//!
//! - An object is made for its owner only, under a key that nobody else uses.
//! - A handle holds the identifier, which means the same in every process: after fork(2) parent and child use their
//!   copies, threads an `Arc`.
//! - Dropping a handle removes the object in the process that made it, and nothing in a forked one.
//! - What a killed process left is found and removed by its key, see `names`.
#![allow(unsafe_code)] // the control calls take pointers

use std::ffi::c_int;
use std::fmt::Display;
use std::io;
use std::marker::PhantomData;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

use super::refused;

pub mod message_queue;
pub mod semaphore;
pub mod shared_memory;

/// What objects are created with: reading and writing for their owner.
pub(super) const OWNER_ONLY: c_int = 0o600;

/// The three kinds of object: their calls, and the limits in /proc/sys/kernel that those run into.
pub(super) trait Kind {
    /// `msgget`.
    const GET: &'static str;
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

#[cfg(test)]
mod tests {
    use super::message_queue::MessageQueue;
    use super::*;

    #[test]
    fn key_zero_names_nothing() {
        assert_eq!(MessageQueue::create(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
