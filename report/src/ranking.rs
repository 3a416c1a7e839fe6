//! Which mechanisms of a group can be told apart: ranks, shared by those that cannot, and ratios to a reference.
//!
//! A group holds cells of one record that are equal in everything but the mechanism. Its leader is the fastest that does something.
//! All whose ratio to the leader has an interval that includes 1 share its rank, whatever stands between their medians; the
//! fastest of the rest leads the next rank, and so on. Each interval is one of 95 %: of twenty mechanisms that take equally long,
//! about one is told apart by accident.

use std::fmt;

use ipcmark_harness::record::{Cell, Header};

use crate::paired::PairedRatio;

/// A place in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// One more than the mechanisms of better rank.
    pub place: usize,
    /// Whether others cannot be told apart from this one.
    pub shared: bool,
}

impl fmt::Display for Rank {
    /// `2`, or `1 =` where it is shared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, if self.shared { " =" } else { "" })
    }
}

/// A cell with its place in the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// None: a floor, which does nothing and does not compete; or too few launches to tell anything apart.
    pub rank: Option<Rank>,
    /// Whether it is what the ratios are to.
    pub is_reference: bool,
    /// Over the reference; none for the reference itself and for floors.
    pub ratio: Option<PairedRatio>,
}

/// Ranks the cells of a group, those of the best rank first and of one rank the faster first; floors before all. The ratios are to
/// the mechanism `reference` where the group has it, else to the fastest.
#[must_use]
pub fn ranked<'a>(header: &Header, cells: &[&'a Cell], reference: Option<&str>) -> Vec<Ranked<'a>> {
    let mut floors: Vec<&Cell> = cells.iter().copied().filter(|cell| is_floor(cell)).collect();
    let mut racing: Vec<&Cell> = cells.iter().copied().filter(|cell| !is_floor(cell)).collect();
    floors.sort_by(|a, b| time(a).total_cmp(&time(b)));
    racing.sort_by(|a, b| time(a).total_cmp(&time(b)));
    let named = racing.iter().find(|cell| Some(cell.mechanism.as_str()) == reference);
    let base = named.or(racing.first()).copied();
    let row = |(cell, rank): (&'a Cell, Option<Rank>)| {
        let is_reference = base.is_some_and(|base| std::ptr::eq(base, cell));
        let over = base.filter(|_| !is_reference && !is_floor(cell));
        Ranked { cell, rank, is_reference, ratio: over.and_then(|base| PairedRatio::of(header, base, cell)) }
    };
    let floors = floors.into_iter().map(|cell| (cell, None));
    floors.chain(ranks(header, racing)).map(row).collect()
}

/// Whether the cell does nothing, to show what measuring costs.
#[must_use]
pub fn is_floor(cell: &Cell) -> bool {
    cell.family == "floor"
}

fn time(cell: &Cell) -> f64 {
    cell.estimate_ns.unwrap_or(f64::MAX)
}

/// Rank after rank of cells that ascend by their time.
fn ranks<'a>(header: &Header, mut left: Vec<&'a Cell>) -> Vec<(&'a Cell, Option<Rank>)> {
    let mut ranks = Vec::with_capacity(left.len());
    let mut unknown = Vec::new();
    while let Some(&leader) = left.first() {
        let place = ranks.len() + 1;
        let (mut equal, mut slower) = (vec![leader], Vec::new());
        for &cell in &left[1..] {
            match PairedRatio::of(header, leader, cell) {
                Some(ratio) if ratio.told_apart() => slower.push(cell),
                Some(ratio) if ratio.interval.is_some() => equal.push(cell),
                _ => unknown.push((cell, None)),
            }
        }
        // A leader that could be set against none of the others is first by chance.
        let lonely = unknown.len() + 1 == left.len();
        let rank = (!lonely || left.len() == 1).then_some(Rank { place, shared: equal.len() > 1 });
        ranks.extend(equal.into_iter().map(|cell| (cell, rank)));
        left = slower;
    }
    ranks.extend(unknown);
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::testing::{cell_of_launches, header};

    /// Ten launches around a time, the same disturbance in each round for all but for a share of their own.
    fn cell(mechanism: &str, ns: f64, own: f64) -> Cell {
        let launch = |round: u32| {
            let common = 1.0 + 0.3 * f64::from(round % 5);
            ns * common * (1.0 + own * f64::from((round * 7) % 10) / 10.0)
        };
        cell_of_launches(mechanism, &(0..10).map(launch).collect::<Vec<_>>())
    }

    fn told(cells: &[Cell], reference: Option<&str>) -> Vec<(String, String, bool)> {
        let cells: Vec<&Cell> = cells.iter().collect();
        let rank = |ranked: &Ranked<'_>| ranked.rank.map_or_else(|| "–".into(), |rank| rank.to_string());
        let ranked = ranked(&header(), &cells, reference);
        ranked.iter().map(|row| (row.cell.mechanism.clone(), rank(row), row.is_reference)).collect()
    }

    #[test]
    fn what_is_not_told_apart_from_the_fastest_shares_its_rank_whatever_the_order() {
        let cells =
            [cell("slow", 200.0, 0.0), cell("a", 100.0, 0.0), cell("b", 98.0, 0.08), cell("slower", 300.0, 0.0)];
        let ranks: Vec<(String, String)> =
            told(&cells, None).into_iter().map(|(mechanism, rank, _)| (mechanism, rank)).collect();
        let said: Vec<(&str, &str)> = ranks.iter().map(|(m, r)| (m.as_str(), r.as_str())).collect();
        assert_eq!(said, [("a", "1 ="), ("b", "1 ="), ("slow", "3"), ("slower", "4")]);
    }

    #[test]
    fn the_floor_is_no_reference_and_a_named_one_is() {
        let mut floor = cell("null", 1.0, 0.0);
        floor.family = "floor".into();
        let cells = [cell("slow", 200.0, 0.0), cell("fast", 100.0, 0.0), floor];
        let references = |reference| {
            let told = told(&cells, reference);
            told.into_iter().filter(|(.., is_reference)| *is_reference).map(|(name, ..)| name).collect::<Vec<_>>()
        };
        assert_eq!(references(None), ["fast"]);
        assert_eq!(references(Some("slow")), ["slow"]);
        assert_eq!(references(Some("absent")), ["fast"]);
        assert_eq!(told(&cells, None)[0], ("null".to_owned(), "–".to_owned(), false));
    }

    #[test]
    fn single_launches_have_no_rank() {
        let cells = [cell_of_launches("a", &[100.0]), cell_of_launches("b", &[200.0])];
        assert!(told(&cells, None).iter().all(|(_, rank, _)| rank == "–"));
    }
}
