//! The fuzz targets for some seconds, without a nightly compiler: a seeded mutator over the corpus that cargo-fuzz uses.
//!
//! `IPCMARK_FUZZ_SECONDS` is for each target, two by default; `IPCMARK_FUZZ_SEED` changes what is tried. What fails is left as a
//! file, to be added to the corpus.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

#[path = "../../fuzz/src/targets.rs"]
mod targets;

/// What breaks readers: limits of numbers, other types, markup, escapes, nesting.
const TOKENS: [&str; 20] = [
    "-1",
    "1e999",
    "NaN",
    "null",
    "0",
    "1e-320",
    "18446744073709551616",
    "9007199254740993",
    "\"\"",
    "[]",
    "{}",
    "true",
    "<script>",
    "\\u001b[2J",
    "\\ud800",
    "\u{202e}",
    "[[[[[[[[",
    "\"id\":\"a\",",
    "\n",
    "1.7976931348623157e308",
];
/// Longer inputs say nothing more, and take long.
const LONGEST: usize = 64 << 10;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn fuzz(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    corpus.iter().for_each(|input| target(input));
    let mut random = Rng::with_seed(number("IPCMARK_FUZZ_SEED", 6));
    let end = Instant::now() + Duration::from_secs(number("IPCMARK_FUZZ_SECONDS", 2));
    while Instant::now() < end {
        let mut input = random.choice(&corpus).unwrap().clone();
        for _ in 0..random.usize(1..6) {
            mutate(&mut input, &corpus, &mut random);
        }
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzzed-{name}"));
            std::fs::write(&left, &input).unwrap();
            panic!("{name} fails on what is in {}", left.display());
        }
    }
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Rng) {
    let place = random.usize(..=input.len());
    let end = (place + random.usize(..64)).min(input.len());
    match random.u8(..7) {
        0 if place < input.len() => input[place] ^= 1 << random.u8(..8),
        1 => drop(input.drain(place..end)),
        2 => input.truncate(place),
        3 => drop(input.splice(place..place, random.choice(TOKENS).unwrap().bytes())),
        // A number, or whatever stands after a colon, becomes something else.
        4 => {
            let Some(colon) = input[place..].iter().position(|byte| *byte == b':').map(|at| place + at + 1) else {
                return;
            };
            let value =
                input[colon..].iter().position(|byte| b",}]\n".contains(byte)).map_or(input.len(), |at| colon + at);
            drop(input.splice(colon..value, random.choice(TOKENS).unwrap().bytes()));
        }
        5 => {
            let part = input[place..end].to_vec();
            drop(input.splice(place..place, part.repeat(random.usize(1..20))));
        }
        _ => {
            let other = random.choice(corpus).unwrap();
            let from = random.usize(..=other.len());
            let part = other[from..(from + random.usize(..512)).min(other.len())].to_vec();
            drop(input.splice(place..end, part));
        }
    }
    input.truncate(LONGEST);
}

#[test]
fn no_record_makes_its_readers_panic() {
    fuzz("record", targets::record);
}

#[test]
fn no_histogram_makes_its_reader_panic() {
    fuzz("histogram", targets::histogram);
}

#[test]
fn no_criterion_file_makes_its_reader_panic() {
    fuzz("criterion", targets::criterion);
}
