//! System V semaphores, semget(2): here always sets of one.
#![allow(unsafe_code)] // semctl takes a union, semop an array by address

use std::ffi::{c_int, c_short};
use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;

use super::{Kind, Object, explain_create, named_by};
use crate::sys::refused;

/// A semaphore; removed when the process that made it drops it.
#[derive(Debug)]
pub struct Semaphore(Object<Semaphore>);

impl Semaphore {
    /// `semget(key, 1, IPC_CREAT | IPC_EXCL | 0600)` and `semctl(SETVAL)`. Fails when the key is in use, and at the
    /// limits in `kernel.sem`.
    pub fn create(key: i32, value: c_int) -> io::Result<Semaphore> {
        named_by(key)?;
        // SAFETY: the call takes no pointer.
        let created = Object::create(|flags| unsafe { libc::semget(key, 1, flags) });
        let semaphore = Semaphore(created.map_err(|errno| explain_create::<Self>("a semaphore", key, errno))?);
        semaphore.set(value)?;
        Ok(semaphore)
    }

    /// `semctl(SETVAL)`: sets the value, at most 32767, and wakes who waits for it.
    pub fn set(&self, value: c_int) -> io::Result<()> {
        control(self.0.id, libc::SETVAL, Argument { val: value }).map_err(|errno| {
            refused(format_args!("semctl(SETVAL) of {value}"), errno, "; 0 to 32767 (SEMVMX) are allowed")
        })
    }

    /// `semop(2)`: adds `sem_op`; a negative one waits until the value is large enough, zero until it is zero.
    ///
    /// `flags`: `IPC_NOWAIT` says `EAGAIN` instead of waiting; `SEM_UNDO` takes the operation back when the process
    /// ends. Fails with `EINTR`, and with `EIDRM` once the set is removed.
    #[inline]
    pub fn operate(&self, sem_op: i16, flags: c_int) -> nix::Result<()> {
        let mut operation = libc::sembuf { sem_num: 0, sem_op, sem_flg: flags as c_short };
        // SAFETY: the address is that of one live operation; the kernel only reads it.
        Errno::result(unsafe { libc::semop(self.0.id, &mut operation, 1) }).map(drop)
    }
}

impl Kind for Semaphore {
    const GET: &'static str = "semget";
    const LIMITS: &'static [&'static str] = &["sem"];

    fn find(key: i32) -> nix::Result<c_int> {
        // SAFETY: the call takes no pointer.
        Errno::result(unsafe { libc::semget(key, 0, 0) })
    }

    fn permissions(id: c_int) -> nix::Result<libc::ipc_perm> {
        let mut status = MaybeUninit::<libc::semid_ds>::zeroed();
        control(id, libc::IPC_STAT, Argument { buf: status.as_mut_ptr() })?;
        // SAFETY: the call has written the status; all zeros are a status, too.
        Ok(unsafe { status.assume_init() }.sem_perm)
    }

    fn remove(id: c_int) -> nix::Result<()> {
        control(id, libc::IPC_RMID, Argument { val: 0 })
    }
}

/// `union semun`, which callers of semctl(2) define themselves.
#[repr(C)]
union Argument {
    val: c_int,
    buf: *mut libc::semid_ds,
}

/// `semctl(2)` of the only semaphore of a set.
fn control(id: c_int, command: c_int, argument: Argument) -> nix::Result<()> {
    // SAFETY: each command here goes with its member: SETVAL with `val`, IPC_STAT with `buf`, which points to a live
    // status that the kernel writes, IPC_RMID with none.
    Errno::result(unsafe { libc::semctl(id, 0, command, argument) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing;

    #[test]
    fn two_processes_take_turns() {
        let [there, back] = [(); 2].map(|()| Semaphore::create(testing::key(), 0).unwrap());
        let near = testing::fork(|| (0..100).all(|_| there.operate(1, 0).is_ok() && back.operate(-1, 0).is_ok()));
        let far = testing::fork(|| (0..100).all(|_| there.operate(-1, 0).is_ok() && back.operate(1, 0).is_ok()));
        assert!(near.succeeded() && far.succeeded());
    }

    #[test]
    fn a_forked_copy_removes_nothing() {
        let mut semaphore = Some(Semaphore::create(testing::key(), 1).unwrap());
        assert!(testing::fork(|| semaphore.take().is_some()).succeeded());
        assert_eq!(semaphore.unwrap().operate(-1, libc::IPC_NOWAIT), Ok(()));
    }

    #[test]
    fn sem_undo_gives_back_what_a_dead_holder_took() {
        let semaphore = Semaphore::create(testing::key(), 2).unwrap();
        assert!(testing::fork(|| semaphore.operate(-1, libc::SEM_UNDO).is_ok()).succeeded());
        assert!(testing::fork(|| semaphore.operate(-1, 0).is_ok()).succeeded());
        assert_eq!(semaphore.operate(-1, libc::IPC_NOWAIT), Ok(()));
        assert_eq!(semaphore.operate(-1, libc::IPC_NOWAIT), Err(Errno::EAGAIN));
    }

    #[test]
    fn a_waiter_can_be_interrupted() {
        let semaphore = Semaphore::create(testing::key(), 0).unwrap();
        testing::assert_interruptible(|| semaphore.operate(-1, 0));
    }

    #[test]
    fn a_value_out_of_range_is_refused_and_leaves_no_set() {
        let key = testing::key();
        let error = Semaphore::create(key, 32768).unwrap_err().to_string();
        assert!(error.contains("semctl(SETVAL) of 32768: ERANGE"), "{error}");
        assert_eq!(Semaphore::find(key), Err(Errno::ENOENT));
    }
}
