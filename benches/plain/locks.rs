//! Locks by hand: taken and released by one thread, while another one sleeps.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Plan;

pub(crate) fn std_mutex(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let mutex = Mutex::new(());
    plan.beside_a_thread(|| drop(black_box(&mutex).lock()))
}

pub(crate) fn parking_lot_mutex(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let mutex = parking_lot::Mutex::new(());
    plan.beside_a_thread(|| drop(black_box(&mutex).lock()))
}

pub(crate) fn pthread_mutex(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let mutex = std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER);
    plan.beside_a_thread(|| {
        let mutex = black_box(mutex.get());
        // SAFETY: a live mutex, which this thread takes and then has.
        unsafe { (libc::pthread_mutex_lock(mutex), libc::pthread_mutex_unlock(mutex)) };
    })
}

pub(crate) fn fetch_add(plan: &Plan<'_>) -> anyhow::Result<Vec<f64>> {
    let count = AtomicU64::new(0);
    plan.beside_a_thread(|| {
        black_box(black_box(&count).fetch_add(1, Ordering::Relaxed));
    })
}
