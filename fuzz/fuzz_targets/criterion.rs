//! `cargo +nightly fuzz run criterion`: see `targets::criterion`.

#![no_main]

#[path = "../src/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::criterion(bytes));
