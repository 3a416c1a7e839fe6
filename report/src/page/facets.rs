//! Cells that may be drawn in one panel: equal in everything but the mechanism and what the chart sweeps over.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::sheet::{Sheet, setup_word};
use crate::words;

/// The cells of one panel, with what they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// Their places in the sheet, in report order.
    pub(super) cells: Vec<usize>,
    /// What they have in common: `process · same-cpu · block · 64B`.
    pub(super) phrase: String,
    /// For the page's switches; empty where the chart sweeps over it.
    pub(super) peer: String,
    pub(super) placement: String,
    pub(super) waiting: String,
}

/// Of a group so many are drawn: charts set each cell against the others. There are some hundred mechanisms at ten sizes.
const MOST_CELLS: usize = 2_000;

/// The groups in order of first appearance.
pub(super) fn groups(sheet: &Sheet<'_>, cells: &[usize], swept: &[&str]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for &index in cells {
        let cell = sheet.cells[index];
        let common = common(&cell.setup, swept);
        let key = (cell.workload.clone(), Value::Object(common.clone()).to_string());
        let place = *places.entry(key).or_insert_with(|| {
            let word = |key| if swept.contains(&key) { String::new() } else { setup_word(cell, key).to_owned() };
            let (peer, placement, waiting) = (word("peer"), word("placement"), word("waiting"));
            groups.push(Group { phrase: phrase(cell, common), peer, placement, waiting, cells: Vec::new() });
            groups.len() - 1
        });
        groups[place].cells.push(index);
    }
    for group in groups.iter_mut().filter(|group| group.cells.len() > MOST_CELLS) {
        group.phrase += &format!(" · the first {MOST_CELLS} of {} cells", group.cells.len());
        group.cells.truncate(MOST_CELLS);
    }
    groups
}

fn common(setup: &Map<String, Value>, swept: &[&str]) -> Map<String, Value> {
    setup.iter().filter(|(key, _)| !swept.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The setup in words without what says nothing: what is not in common, a way of waiting that is the mechanism's own, no payload.
fn phrase(cell: &ipcmark_harness::record::Cell, common: Map<String, Value>) -> String {
    let like = ipcmark_harness::record::Cell { setup: common, per_launch: Vec::new(), histogram: None, ..cell.clone() };
    let all = words::conditions(&like);
    all.split(", ").filter(|word| !["?", "own", "0B"].contains(word)).collect::<Vec<_>>().join(" · ")
}

/// The largest groups, at most so many, in their order; and how many were left out.
pub(super) fn largest<T>(mut items: Vec<T>, size: impl Fn(&T) -> usize, most: usize) -> (Vec<T>, usize) {
    let left_out = items.len().saturating_sub(most);
    let mut sizes: Vec<usize> = items.iter().map(&size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let Some(&least) = sizes.get(most.wrapping_sub(1)) else { return (items, 0) };
    // Of those as large as the last one that fits, the first ones.
    let mut ties = sizes[..most].iter().filter(|&&size| size == least).count();
    items.retain(|item| {
        let size = size(item);
        let tie = size == least && ties > 0;
        ties -= usize::from(tie);
        size > least || tie
    });
    (items, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_keep_their_order_and_the_rest_is_counted() {
        assert_eq!(largest(vec![1, 5, 3, 5, 3], |&size| size, 3), (vec![5, 3, 5], 2));
        assert_eq!(largest(vec![1, 2], |&size| size, 3), (vec![1, 2], 0));
    }
}
