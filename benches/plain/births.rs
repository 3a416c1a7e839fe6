//! A child or a thread by hand, which does nothing, and its end.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use ipcmark_harness::sys::memory::Shared;

use super::pointers::map;
use super::{Flags, Plan};

/// Of a process with so much memory as the cell's.
pub(crate) fn fork(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    fork_and(plan, || {})
}

/// And the child leaves a sign in memory that both share: a page that it has not touched before.
pub(crate) fn fork_with_a_sign(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let flags = Shared::<Flags>::zeroed()?;
    fork_and(plan, || flags.there.0.store(plan.clock.start(), Ordering::Relaxed))
}

fn fork_and(plan: &Plan, child: impl Fn()) -> anyhow::Result<Vec<f64>> {
    let bytes = plan.stage.setup.memory_bytes.unwrap_or(0);
    let memory = map(bytes)?;
    // SAFETY: the mapping has so many bytes; each page is written once.
    (0..bytes).step_by(4096).for_each(|at| unsafe { memory.cast::<u8>().add(at).write_volatile(1) });
    plan.alone(|| {
        // SAFETY: the child calls nothing but what `child` does, and exits.
        unsafe {
            match libc::fork() {
                0 => {
                    child();
                    libc::_exit(7)
                }
                child => libc::waitpid(child, null_mut(), 0),
            }
        };
    })
}

pub(crate) fn pthread(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    extern "C" fn run(nothing: *mut c_void) -> *mut c_void {
        nothing
    }
    plan.alone(|| {
        let mut thread = 0;
        // SAFETY: the thread touches nothing, and is joined.
        unsafe {
            libc::pthread_create(&mut thread, std::ptr::null(), run, null_mut());
            libc::pthread_join(thread, null_mut());
        }
    })
}
