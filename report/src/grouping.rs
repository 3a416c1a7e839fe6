//! Groups in order of first appearance, in linear time: a stranger's record may have as many groups as cells.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The items by their keys; keys stand in the order in which they appear first, items in their own.
#[must_use]
pub fn grouped<K: Eq + Hash, T>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<(K, Vec<T>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for item in items {
        let next = groups.len();
        let place = *places.entry(key(&item)).or_insert(next);
        if place == next {
            groups.push(Vec::new());
        }
        groups[place].push(item);
    }
    let mut keys: Vec<(K, usize)> = places.into_iter().collect();
    keys.sort_unstable_by_key(|(_, place)| *place);
    keys.into_iter().map(|(key, _)| key).zip(groups).collect()
}

/// Each item once, in order of first appearance.
#[must_use]
pub fn distinct<T: Copy + Eq + Hash>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    items.into_iter().filter(|item| seen.insert(*item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_items_keep_the_order_of_their_first_appearance() {
        let groups = grouped(["b1", "a1", "b2", "c1", "a2"], |item| item.as_bytes()[0]);
        assert_eq!(groups, [(b'b', vec!["b1", "b2"]), (b'a', vec!["a1", "a2"]), (b'c', vec!["c1"])]);
        assert_eq!(distinct([3, 1, 3, 2, 1]), [3, 1, 2]);
    }
}
