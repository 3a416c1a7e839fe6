//! Where the order of mechanisms differs between columns: who is faster here and slower there.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Row;
use crate::words;

/// Two mechanisms whose order is one way in some columns and the other way in others, their intervals apart in each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankChange {
    /// The workload.
    pub workload: String,
    /// What both share.
    pub conditions: String,
    /// Faster in `here`.
    pub one: String,
    /// Faster in `there`.
    pub other: String,
    /// Columns in which `one` is faster.
    pub here: Vec<usize>,
    /// Columns in which `other` is faster.
    pub there: Vec<usize>,
    /// The lesser of the greatest advantages of the two: both gain at least so many times.
    pub factor: f64,
}

/// Pairs of more mechanisms under equal conditions are not tried: a stranger's record may name any number.
const MOST_MECHANISMS: usize = 200;

/// All of them, those with the greatest swing first.
pub(super) fn changes(rows: &[Row]) -> Vec<RankChange> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.workload, &row.conditions)).or_default().push(row);
    }
    let mut all = Vec::new();
    for mut group in groups.into_values() {
        group.truncate(MOST_MECHANISMS);
        for (place, one) in group.iter().enumerate() {
            all.extend(group[place + 1..].iter().filter_map(|other| change(one, other)));
        }
    }
    all.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    all
}

fn change(one: &Row, other: &Row) -> Option<RankChange> {
    if one.mechanism == other.mechanism {
        return None;
    }
    let (here, gain_here) = faster(one, other);
    let (there, gain_there) = faster(other, one);
    (!here.is_empty() && !there.is_empty()).then(|| RankChange {
        workload: one.workload.clone(),
        conditions: one.conditions.clone(),
        one: one.mechanism.clone(),
        other: other.mechanism.clone(),
        here,
        there,
        factor: gain_here.min(gain_there),
    })
}

/// The columns in which the whole interval of one lies below that of the other, and by how many times at best.
fn faster(one: &Row, other: &Row) -> (Vec<usize>, f64) {
    let mut columns = Vec::new();
    let mut gain = 1.0_f64;
    for (column, (one, other)) in one.values.iter().zip(&other.values).enumerate() {
        let (Some(one), Some(other)) = (one, other) else { continue };
        if let (Some([_, high]), Some([low, _])) = (one.interval_ns, other.interval_ns)
            && high < low
            && one.estimate_ns > 0.0
        {
            columns.push(column);
            gain = gain.max(other.estimate_ns / one.estimate_ns);
        }
    }
    (columns, gain)
}

impl RankChange {
    /// `round-trip, process, …: pipe is faster than unix-stream in A, slower in B`.
    pub fn sentence(&self, columns: &[super::Column]) -> String {
        let named = |places: &[usize]| {
            places.iter().filter_map(|place| Some(columns.get(*place)?.label.as_str())).collect::<Vec<_>>().join(", ")
        };
        let (one, other) = (&self.one, &self.other);
        let factor = words::figure(self.factor, 2);
        format!(
            "{}, {}: {one} is faster than {other} in {}; {other} is faster than {one} in {} (by {factor} times or more at best)",
            self.workload,
            self.conditions,
            named(&self.here),
            named(&self.there)
        )
    }
}
