//! Our own lock algorithms, the semaphore and the ring, the very files that are measured, on loom's atomics: the orders of two and
//! of three parties that the memory model allows. Each model says whether these are all of them.
//!
//! `cargo test -p ipcmark-models`. A package of its own and not `--cfg loom`: that would reach the dependencies, too, and tokio
//! leaves its sockets out under it.

#[cfg(test)]
#[path = "../../src/mechanisms/spinlocks/algorithms/mod.rs"]
mod algorithms;
#[cfg(test)]
mod data;
#[cfg(test)]
mod descriptor {
    pub(super) fn ended() -> std::io::Error {
        std::io::ErrorKind::UnexpectedEof.into()
    }
}
#[cfg(test)]
mod ground;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod manner;
#[cfg(test)]
mod permits;
#[cfg(test)]
#[path = "../../src/ring/protocol.rs"]
#[allow(unreachable_pub)] // public in the library
mod protocol;
#[cfg(test)]
mod ring;
#[cfg(test)]
#[path = "../../src/manner/sleeper.rs"]
#[allow(unreachable_pub)] // public in the library
mod sleeper;
#[cfg(test)]
#[path = "../../src/mechanisms/coordination/futex_permits/words.rs"]
mod words;
