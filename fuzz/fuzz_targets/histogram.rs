//! `cargo +nightly fuzz run histogram`: see `targets::histogram`.

#![no_main]

#[path = "../src/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::histogram(bytes));
