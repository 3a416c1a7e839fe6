//! The algorithm, the very file that is measured, on loom's atomics: every interleaving that pre-empts a party at most twice,
//! with every value that the memory model lets a load see. Without any one of the fences, orderings and checks of the algorithm
//! a test here fails.

use loom::sync::Arc;

use ground::{AtomicU64, Ordering};
use sequence::Sequence;

mod ground {
    pub(super) use loom::hint::spin_loop;
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
}

#[path = "sequence.rs"]
#[allow(clippy::duplicate_mod)] // once for each ground
mod sequence;

#[derive(Default)]
struct Model {
    sequence: Sequence,
    words: [AtomicU64; 2],
}

impl Model {
    /// Stores alone: where a thread loads a word before it stores there, loom 0.7 does not try the store before the loads of others.
    fn write(&self, value: u64) {
        self.sequence.write(|| self.words.iter().for_each(|word| word.store(value, Ordering::Relaxed)));
    }

    /// The value of both words.
    fn read(&self) -> u64 {
        let [one, other] = self.sequence.read(|| self.words.each_ref().map(|word| word.load(Ordering::Relaxed)));
        assert_eq!(one, other, "a reader saw half of a write");
        one
    }
}

/// Each of `writers` writes these values in turn, while this party reads so often, and once more when they are done: `check`
/// is given what it has read.
fn in_every_interleaving(writers: &'static [&'static [u64]], reads: usize, check: fn(&[u64])) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(move || {
        let model = Arc::new(Model::default());
        let writer = |values: &&'static [u64]| {
            let (model, values) = (Arc::clone(&model), *values);
            loom::thread::spawn(move || values.iter().for_each(|&value| model.write(value)))
        };
        let threads: Vec<_> = writers.iter().map(writer).collect();
        let mut seen: Vec<u64> = (0..reads).map(|_| model.read()).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        seen.push(model.read());
        check(&seen);
    });
}

#[test]
fn a_reader_beside_a_writer_sees_whole_writes_in_their_order() {
    in_every_interleaving(&[&[1, 2]], 2, |seen| assert!(seen.is_sorted() && seen.last() == Some(&2), "{seen:?}"));
}

#[test]
fn what_one_of_two_writers_wrote_last_is_whole() {
    in_every_interleaving(&[&[1], &[2]], 0, |seen| assert!(seen == [1] || seen == [2], "{seen:?}"));
}

#[test]
fn a_reader_beside_two_writers_sees_whole_writes() {
    in_every_interleaving(&[&[1], &[2]], 1, |seen| assert!(seen[1] > 0, "{seen:?}"));
}
