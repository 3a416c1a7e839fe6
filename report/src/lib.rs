//! Answers from records: reads what runs have left, and knows no mechanism, so that a record whose mechanism no longer exists is
//! still compared, drawn and cited.
//!
//! - [`load`]: records from files and folders, each with what is wrong with it.

pub mod load;
