//! System V objects by their key, as a sweep meets them: msgget(2), semget(2), shmget(2) and their controls.
#![allow(unsafe_code)] // nix has no System V

use std::ptr::from_mut;

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

    /// The id of the object with this key, if our user has created it with mode 0600. Async-signal-safe.
    pub(crate) fn find(self, key: i32) -> Option<i32> {
        // SAFETY: no pointers are passed; without IPC_CREAT nothing is created.
        let id = unsafe {
            match self {
                Kind::Queue => libc::msgget(key, 0),
                Kind::Semaphores => libc::semget(key, 0, 0),
                Kind::Memory => libc::shmget(key, 0, 0),
            }
        };
        let permissions = (id != -1).then(|| self.permissions(id))??;
        // SAFETY: geteuid takes nothing and always succeeds.
        let ours = permissions.cuid == unsafe { libc::geteuid() } && permissions.mode as u32 & 0o777 == 0o600;
        ours.then_some(id)
    }

    /// `IPC_STAT`
    fn permissions(self, id: i32) -> Option<libc::ipc_perm> {
        // SAFETY: each call writes one structure of its own kind, to a live one; all of them are plain numbers, for which
        // zeroes are values.
        unsafe {
            match self {
                Kind::Queue => {
                    let mut status: libc::msqid_ds = std::mem::zeroed();
                    (libc::msgctl(id, libc::IPC_STAT, &mut status) == 0).then_some(status.msg_perm)
                }
                Kind::Semaphores => {
                    let mut status: libc::semid_ds = std::mem::zeroed();
                    (libc::semctl(id, 0, libc::IPC_STAT, from_mut(&mut status)) == 0).then_some(status.sem_perm)
                }
                Kind::Memory => {
                    let mut status: libc::shmid_ds = std::mem::zeroed();
                    (libc::shmctl(id, libc::IPC_STAT, &mut status) == 0).then_some(status.shm_perm)
                }
            }
        }
    }

    /// `IPC_RMID`: whether the object is gone by this call. Async-signal-safe.
    pub(crate) fn remove(self, id: i32) -> bool {
        let none = std::ptr::null_mut();
        // SAFETY: IPC_RMID reads no argument.
        let removed = unsafe {
            match self {
                Kind::Queue => libc::msgctl(id, libc::IPC_RMID, none),
                Kind::Semaphores => libc::semctl(id, 0, libc::IPC_RMID),
                Kind::Memory => libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()),
            }
        };
        removed == 0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io;

    use super::*;

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
}
