//! What a task touches while it has the token: a word of each line, or of each page, of memory of its own or of all tasks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ipcmark_harness::control::Mismatch;
use ipcmark_harness::sys::huge_pages::Pages;
use ipcmark_harness::sys::memory::Mapping;

use crate::mechanism::Setup;

/// What lies between two addresses that fall on the same place of different lines.
const LINE_WORDS: usize = 8;

/// Pages of the smallest size only, so that as many translations are needed as the stride says.
#[derive(Clone)]
pub(super) struct Memory {
    /// None: nothing is touched.
    mapping: Option<Arc<Mapping>>,
    places: usize,
    step_words: usize,
    touches: u64,
}

impl Memory {
    /// Of this process alone, made and touched in the task that uses it.
    pub(super) fn private(setup: &Setup) -> io::Result<Memory> {
        Memory::new(setup, Mapping::untouched_private)
    }

    /// Of all tasks to which copies are given.
    pub(super) fn shared(setup: &Setup) -> io::Result<Memory> {
        Memory::new(setup, Mapping::untouched_anonymous)
    }

    fn new(setup: &Setup, map: fn(usize, Pages) -> io::Result<Mapping>) -> io::Result<Memory> {
        let bytes = setup.memory_bytes.unwrap_or(0);
        let stride = setup.stride_bytes.unwrap_or(LINE_WORDS * size_of::<u64>());
        let memory = Memory { mapping: None, places: bytes / stride, step_words: stride / 8, touches: 0 };
        if bytes == 0 {
            return Ok(memory);
        }
        let mapping = map(bytes, Pages::Base)?;
        mapping.in_base_pages()?;
        let memory = Memory { mapping: Some(Arc::new(mapping)), ..memory };
        memory.fault_in()?;
        Ok(memory)
    }

    /// Completes the page tables of the process that calls: a fork copies none of shared memory.
    pub(super) fn fault_in(&self) -> io::Result<()> {
        self.mapping.as_ref().map_or(Ok(()), |mapping| mapping.fault_in())
    }

    /// Adds one to each word that is touched; only who has the token may.
    #[inline]
    pub(super) fn touch(&mut self) {
        let words = self.words();
        for place in 0..self.places {
            let word = &words[self.index(place)];
            // Relaxed: passing the token orders it.
            word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        self.touches += 1;
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        self.mapping.as_ref().map_or(&[], |mapping| mapping.words())
    }

    /// With a stride of more than a line, each place is a line further into its stride than the one before: at the same
    /// offset of every page they would all fall into one set of the first-level cache.
    #[inline]
    fn index(&self, place: usize) -> usize {
        place * self.step_words + (place * LINE_WORDS) % self.step_words
    }

    /// Whether each word has counted what this task alone has touched.
    pub(super) fn check_own(&self) -> io::Result<()> {
        self.check(self.touches)
    }

    /// Whether each word has counted so many.
    pub(super) fn check(&self, touches: u64) -> io::Result<()> {
        let words = self.words();
        let counted = (0..self.places).map(|place| words[self.index(place)].load(Ordering::Relaxed));
        match counted.into_iter().find(|&counted| counted != touches) {
            None => Ok(()),
            Some(counted) => {
                Err(Mismatch::error(format!("a word of the memory was touched {counted} times, not {touches}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::transport_tests::SETUP;

    fn memory(bytes: usize, stride: usize) -> Memory {
        Memory::private(&Setup { memory_bytes: Some(bytes), stride_bytes: Some(stride), ..SETUP }).unwrap()
    }

    #[test]
    fn each_line_or_page_is_touched_once_and_lies_within() {
        for (bytes, stride, places) in [(65536, 64, 1024), (65536, 4096, 16), (1 << 20, 4096, 256)] {
            let mut memory = memory(bytes, stride);
            memory.touch();
            memory.touch();
            memory.check_own().unwrap();
            let touched = memory.words().iter().filter(|word| word.load(Ordering::Relaxed) == 2).count();
            assert_eq!(touched, places, "{bytes} by {stride}");
        }
    }

    #[test]
    fn a_touch_that_was_lost_is_found() {
        let mut memory = memory(4096, 64);
        memory.touch();
        memory.words()[8].store(0, Ordering::Relaxed);
        assert!(memory.check_own().unwrap_err().to_string().contains("touched 0 times, not 1"));
    }

    #[test]
    fn nothing_is_touched_where_there_is_no_memory() {
        let mut memory = memory(0, 64);
        memory.touch();
        assert!(memory.check(7).is_ok() && memory.words().is_empty());
    }
}
