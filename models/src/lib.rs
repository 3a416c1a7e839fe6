//! Our own lock algorithms, the very files that are measured, on loom's atomics: every order of two parties that the memory
//! model allows, and some of three.
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
