//! The `ipcmark` command: a worker if asked to be one, else the command line.

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(ipcmark::commands::main());
}
