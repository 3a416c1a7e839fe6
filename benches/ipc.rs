//! `cargo bench`: messages and notifications between processes and threads, criterion's way. Names no mechanism.

#![deny(clippy::disallowed_macros, clippy::disallowed_methods)]

mod front;

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(front::run(&[], &["round-trip", "stream", "wake", "paced", "fan-in", "fan-out", "connect"]));
}
