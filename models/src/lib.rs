//! Our own lock algorithms and the semaphore, the very files that are measured, on loom's atomics: the orders of two and of
//! three parties that the memory model allows. Each model says whether these are all of them.
//!
//! `cargo test -p ipcmark-models`. A package of its own and not `--cfg loom`: that would reach the dependencies, too, and tokio
//! leaves its sockets out under it.

#[cfg(test)]
#[path = "../../src/mechanisms/spinlocks/algorithms/mod.rs"]
mod algorithms;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod permits;
#[cfg(test)]
#[path = "../../src/mechanisms/coordination/futex_permits/words.rs"]
mod words;
