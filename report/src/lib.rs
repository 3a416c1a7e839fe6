//! Answers from records: reads what runs have left, and knows no mechanism, so that a record whose mechanism no longer exists is
//! still compared, drawn and cited.
//!
//! - [`load`]: records from files and folders, each with what is wrong with it.
//! - [`criterion`]: the same from criterion's files, marked with what they lack.
//! - [`compare`]: records side by side, with what differs and what may be said of it.
//! - [`cite`]: one number, or the ratio of two, in a sentence.
//! - [`remarks`]: what is said of a cell beside its figures.
//! - [`subject`]: what a cell's figures are of, and whose CPU time is a cost.
//! - [`words`]: how cells, machines and figures are said, the same everywhere.
//! - [`grouping`]: groups in order of first appearance.
//! - [`markdown`]: a stranger's text in Markdown.
//! - [`layout`]: lines that fit into a terminal.
//! - [`near`]: what was probably meant by a name that is not there.
//! - [`crossover`]: where one lock overtakes another.
//! - [`task_kinds`]: how threads and processes differ.
//! - [`paired`]: the ratio of two cells of one record, with its own interval and grade.
//! - [`ranking`]: which mechanisms of a group can be told apart.
//! - [`page`]: one HTML file to look at.

#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods))]

mod amount;
pub mod cite;
pub mod compare;
pub mod criterion;
pub mod crossover;
pub mod grouping;
pub mod layout;
pub mod load;
#[cfg(feature = "made-up")]
pub mod made_up;
pub mod markdown;
pub mod near;
pub mod page;
pub mod paired;
pub mod ranking;
pub mod remarks;
pub mod subject;
pub mod task_kinds;
pub mod words;
