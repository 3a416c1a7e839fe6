//! Facts: what was observed beside the times, and how the launches' are merged into the cell's. The rule follows from the name,
//! here and nowhere else.

use std::collections::BTreeMap;

use crate::estimate::median;

/// How a fact of several launches becomes one of the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The median: of times, rates and shares.
    Median,
    /// The largest: a maximum, or a bound, of several launches is the largest of theirs.
    Max,
    /// The sum: of what is counted.
    Sum,
}

/// Names of bounds that no longest-something tells.
const BOUNDS: [&str; 1] = ["clock_offset_bound_ns"];
/// Names of counts.
const COUNTS: [&str; 1] = ["missed_intervals"];

impl Merge {
    /// The rule for a fact of this name.
    #[must_use]
    pub fn of(name: &str) -> Merge {
        match name {
            name if name.starts_with("longest_") || BOUNDS.contains(&name) => Merge::Max,
            name if COUNTS.contains(&name) => Merge::Sum,
            _ => Merge::Median,
        }
    }

    /// What these values say together; none of nothing.
    #[must_use]
    pub fn of_all(self, values: &[f64]) -> Option<f64> {
        match self {
            Merge::Median => median(values),
            Merge::Max => values.iter().copied().reduce(f64::max),
            Merge::Sum => values.iter().copied().reduce(|a, b| a + b),
        }
    }
}

/// Of each fact what the launches that have it say together.
pub(super) fn merged<'a>(launches: impl Iterator<Item = &'a BTreeMap<String, f64>>) -> BTreeMap<String, f64> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, &value) in launches.flatten() {
        values.entry(name).or_default().push(value);
    }
    values.into_iter().filter_map(|(name, values)| Some((name.to_owned(), Merge::of(name).of_all(&values)?))).collect()
}

/// Adds the facts of one more sample of a launch. What has a median of launches is cumulative within one: the newest stands.
pub(crate) fn add(all: &mut BTreeMap<String, f64>, more: &BTreeMap<String, f64>) {
    for (name, &value) in more {
        let known = all.get(name).copied();
        let value = match (Merge::of(name), known) {
            (Merge::Max, Some(known)) => known.max(value),
            (Merge::Sum, Some(known)) => known + value,
            (Merge::Median, _) | (_, None) => value,
        };
        all.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(longest: f64, missed: f64, net: f64) -> BTreeMap<String, f64> {
        let named = [("longest_wait_ns", longest), ("missed_intervals", missed), ("net_ns", net)];
        named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn the_longest_of_launches_is_the_longest_of_all_and_counts_add_up() {
        let launches = [facts(28.1e6, 1.0, 5.0), facts(13.7e6, 0.0, 7.0), facts(2.0e6, 2.0, 6.0)];
        assert_eq!(merged(launches.iter()), facts(28.1e6, 3.0, 6.0));
    }

    #[test]
    fn within_a_launch_the_newest_median_stands_and_no_maximum_is_lost() {
        let mut all = facts(9.0, 1.0, 5.0);
        add(&mut all, &facts(4.0, 1.0, 6.0));
        assert_eq!(all, facts(9.0, 2.0, 6.0));
    }
}
