//! Two programs, or one before and after a setting, told apart in little time: pairs that are neighbours in time.
//!
//! - An [`episode`] has a live worker of each program, on the same CPUs, and alternates between them by batches of some 2 ms,
//!   ABBA or BAAB by chance: what is slower than milliseconds (frequency, neighbours, steal) meets both and falls out of the
//!   ratio. That grain is tango-bench's (its author's *Paired benchmarking*); that both share the machine is duet benchmarking
//!   (Bulej, Horký, Tůma, Farquet, Prokopec, ICPE 2020, arXiv 2001.05811); that everything is interleaved in random order is
//!   Abedi and Brecht's (*Conducting Repeatable Experiments in Highly Variable Cloud Computing Environments*, ICPE 2017).
//! - The observation of an episode is the median of its pairs' log-ratios. The [`interval`] spans episodes, for processes differ
//!   by their memory layout, and only fresh ones show by how much. How many pairs an episode has follows from its variances
//!   ([`cell`]); how long it is warmed, from when pilots became [`steady`].
//! - Cells are measured in [`rounds`], and looked at at times that are fixed beforehand ([`boundary`]): retrying until something
//!   is significant would call differences that are none. A cell is decided when its interval lies beyond equality, or so near
//!   to it that what is to be resolved is excluded ([`verdict`]).
//! - An episode is replaced by what the machine says of it ([`disturbance`]), never by its result.
//! - A [`setting`] that is applied between blocks of launches is undone whatever happens ([`blocks`]).

pub mod blocks;
pub mod boundary;
pub mod cell;
pub mod disturbance;
pub mod episode;
mod guardian;
pub mod interval;
pub mod rounds;
pub mod setting;
pub mod steady;
pub mod verdict;
