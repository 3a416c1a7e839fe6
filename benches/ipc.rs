//! `cargo bench`: messages between two parties, criterion's way. Names no mechanism.

mod front;

fn main() {
    ipcmark_harness::worker::serve_if_asked(ipcmark::cell::TRADE);
    std::process::exit(front::run(&["round-trip", "stream"]));
}
