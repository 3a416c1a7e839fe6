//! A coroutine resumed and left, over and over: a switch is half of that.

use std::hint::black_box;

use corosensei::{Coroutine, CoroutineResult};

use super::Plan;

pub(crate) fn corosensei(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let mut coroutine = Coroutine::<(), u64, ()>::new(|yielder, ()| {
        for resumed in 1.. {
            yielder.suspend(resumed);
        }
    });
    let times = plan.beside_a_thread(|| {
        if let CoroutineResult::Yield(resumed) = coroutine.resume(()) {
            black_box(resumed);
        }
    });
    // SAFETY: nothing on its stack has a destructor.
    unsafe { coroutine.force_reset() };
    Ok(times?.into_iter().map(|ns| ns / 2.0).collect())
}
