//! Locks by hand: taken and released by one thread, while another one sleeps.
//!
//! What is hidden from the optimizer is where the lock is, and once: hiding it each time costs a store, for which the next locked
//! instruction waits.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Plan;

/// With a look at whether it is poisoned, which is a load that the next locked instruction waits for.
pub(crate) fn std_mutex(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let mutex = black_box(Arc::new(Mutex::new(())));
    plan.beside_a_thread(|| drop(mutex.lock().expect("nobody panics")))
}

pub(crate) fn parking_lot_mutex(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let mutex = black_box(Arc::new(parking_lot::Mutex::new(())));
    plan.beside_a_thread(|| drop(mutex.lock()))
}

pub(crate) fn pthread_mutex(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let mutex = black_box(Rc::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)));
    plan.beside_a_thread(|| {
        // SAFETY: a live mutex, which this thread takes and then has.
        unsafe { (libc::pthread_mutex_lock(mutex.get()), libc::pthread_mutex_unlock(mutex.get())) };
    })
}

pub(crate) fn fetch_add(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let count = black_box(Arc::new(AtomicU64::new(0)));
    plan.beside_a_thread(|| _ = count.fetch_add(1, Ordering::Relaxed))
}
