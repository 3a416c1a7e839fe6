//! The `ipcmark` command: a worker if asked to be one, else the command line.
#![deny(clippy::disallowed_macros, clippy::disallowed_methods)]

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(ipcmark::commands::main());
}
