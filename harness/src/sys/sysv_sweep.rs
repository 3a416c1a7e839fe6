//! System V objects by their key, as a sweep meets them. Runs in a signal handler too: no allocation, no locks.
#![allow(unsafe_code)] // tests make objects as others would have made them

use nix::unistd::geteuid;

use super::sysv::message_queue::MessageQueue;
use super::sysv::semaphore::Semaphore;
use super::sysv::shared_memory::Segment;
use super::sysv::{self, OWNER_ONLY};

/// The three kinds of System V objects.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Queue,
    Semaphores,
    Memory,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Queue, Kind::Semaphores, Kind::Memory];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Queue => "message queue",
            Kind::Semaphores => "semaphore set",
            Kind::Memory => "shared memory segment",
        }
    }

    /// The id of the object with this key, if our user has created it with mode 0600.
    pub(crate) fn find(self, key: i32) -> Option<i32> {
        match self {
            Kind::Queue => find_ours::<MessageQueue>(key),
            Kind::Semaphores => find_ours::<Semaphore>(key),
            Kind::Memory => find_ours::<Segment>(key),
        }
    }

    /// `IPC_RMID`: whether the object is gone by this call.
    pub(crate) fn remove(self, id: i32) -> bool {
        let removed = match self {
            Kind::Queue => <MessageQueue as sysv::Kind>::remove(id),
            Kind::Semaphores => <Semaphore as sysv::Kind>::remove(id),
            Kind::Memory => <Segment as sysv::Kind>::remove(id),
        };
        removed.is_ok()
    }
}

fn find_ours<K: sysv::Kind>(key: i32) -> Option<i32> {
    let id = K::find(key).ok()?;
    let permissions = K::permissions(id).ok()?;
    // The bits above say that a segment is locked, or is to be destroyed.
    let mode = permissions.mode as i32 & 0o777;
    (permissions.cuid == geteuid().as_raw() && mode == OWNER_ONLY).then_some(id)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;

    use super::*;
    use crate::sys::testing;

    /// Creates an object of this kind.
    pub(crate) fn create(kind: Kind, key: i32, mode: i32) -> io::Result<i32> {
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | mode;
        // SAFETY: no pointers are passed.
        let id = unsafe {
            match kind {
                Kind::Queue => libc::msgget(key, flags),
                Kind::Semaphores => libc::semget(key, 1, flags),
                Kind::Memory => libc::shmget(key, 4096, flags),
            }
        };
        if id == -1 { Err(io::Error::last_os_error()) } else { Ok(id) }
    }

    #[test]
    fn an_object_is_found_by_its_key_until_it_is_removed() {
        for kind in Kind::ALL {
            let key = crate::sys::names::key();
            let Ok(id) = create(kind, key, 0o600) else { continue };
            assert_eq!(kind.find(key), Some(id), "{kind:?}");
            assert!(kind.remove(id) && kind.find(key).is_none() && !kind.remove(id), "{kind:?}");
        }
    }

    #[test]
    fn an_object_that_others_may_use_is_none_of_ours() {
        for kind in Kind::ALL {
            let key = crate::sys::names::key();
            let Ok(id) = create(kind, key, 0o660) else { continue };
            let found = kind.find(key);
            assert!(kind.remove(id));
            assert_eq!(found, None, "{kind:?}");
        }
    }

    #[test]
    fn an_object_of_another_user_is_none_of_ours() {
        if !geteuid().is_root() {
            return eprintln!("skipped: only root can make an object as another user");
        }
        let key = crate::sys::names::key();
        // SAFETY: setuid takes no pointer, and changes the child only.
        let child = testing::fork(|| unsafe { libc::setuid(65534) } == 0 && create(Kind::Queue, key, 0o600).is_ok());
        assert!(child.succeeded());
        let found = Kind::Queue.find(key);
        assert!(Kind::Queue.remove(<MessageQueue as sysv::Kind>::find(key).unwrap()));
        assert_eq!(found, None);
    }
}
