//! The page: that each of its numbers is the record's, that strangers' texts do nothing, and in a real browser that it works.
//!
//! Screenshots are kept in `target/page/`: look at them after a change.

mod browser;
mod fixture;
mod in_browser;
mod many;
mod numbers;
mod strangers;
mod told;
