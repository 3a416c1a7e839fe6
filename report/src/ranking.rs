//! Which mechanisms of a group can be told apart: ranks, shared by those that cannot, and ratios to a reference.
//!
//! A group holds cells of one record that are equal in everything but the mechanism. Its leader is the fastest that does something.
//! All that are not told apart from the leader share its rank, whatever stands between their medians; the fastest of the rest leads
//! the next rank, and so on. The leader is the least of many medians, and in part so by chance, so that intervals of 95 % to it would
//! tell apart mechanisms that take equally long in most groups of twenty. So the level is that at which any two of a group of
//! equal ones are told apart in one group of twenty at most (`PairedRatio::told_apart_among`): a ratio may have an interval without
//! 1 beside a shared rank.

use std::fmt;

use ipcmark_harness::record::Cell;

use crate::paired::{PairedRatio, RunContext};

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
pub fn ranked<'a, 'r>(run: impl Into<RunContext<'r>>, cells: &[&'a Cell], reference: Option<&str>) -> Vec<Ranked<'a>> {
    let run = run.into();
    let mut floors: Vec<&Cell> = cells.iter().copied().filter(|cell| is_floor(cell)).collect();
    let mut racing: Vec<&Cell> = cells.iter().copied().filter(|cell| !is_floor(cell)).collect();
    floors.sort_by(|a, b| time(a).total_cmp(&time(b)));
    racing.sort_by(|a, b| time(a).total_cmp(&time(b)));
    let named = racing.iter().find(|cell| Some(cell.mechanism.as_str()) == reference);
    let base = named.or(racing.first()).copied();
    let row = |(cell, rank): (&'a Cell, Option<Rank>)| {
        let is_reference = base.is_some_and(|base| std::ptr::eq(base, cell));
        let over = base.filter(|_| !is_reference && !is_floor(cell));
        Ranked { cell, rank, is_reference, ratio: over.and_then(|base| PairedRatio::of(run, base, cell)) }
    };
    let floors = floors.into_iter().map(|cell| (cell, None));
    floors.chain(ranks(racing)).map(row).collect()
}

/// Whether the cell does nothing, to show what measuring costs.
#[must_use]
pub fn is_floor(cell: &Cell) -> bool {
    cell.family == "floor"
}

fn time(cell: &Cell) -> f64 {
    cell.estimate_ns.unwrap_or(f64::MAX)
}

/// In a larger group nothing is ranked: each cell is set against each other. There are some hundred mechanisms.
const MOST_RANKED: usize = 500;

/// Rank after rank of cells that ascend by their time.
fn ranks(mut left: Vec<&Cell>) -> Vec<(&Cell, Option<Rank>)> {
    let members = left.len();
    if members > MOST_RANKED {
        return left.into_iter().map(|cell| (cell, None)).collect();
    }
    let mut ranks = Vec::with_capacity(members);
    let mut unranked = Vec::new();
    while let Some(&leader) = left.first() {
        let place = ranks.len() + 1;
        let (mut equal, mut slower, mut unknown) = (vec![leader], Vec::new(), Vec::new());
        for &cell in &left[1..] {
            match PairedRatio::ungraded(leader, cell) {
                Some(ratio) if ratio.told_apart_among(members) => slower.push(cell),
                Some(ratio) if ratio.interval.is_some() => equal.push(cell),
                _ => unknown.push((cell, None)),
            }
        }
        // A leader that could be set against none of the others is first by chance.
        let lonely = unknown.len() + 1 == left.len();
        let rank = (!lonely || left.len() == 1).then_some(Rank { place, shared: equal.len() > 1 });
        ranks.extend(equal.into_iter().map(|cell| (cell, rank)));
        unranked.extend(unknown);
        left = slower;
    }
    ranks.extend(unranked);
    ranks
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::estimate::median;

    use super::*;
    use crate::compare::testing::normal;
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

    #[test]
    fn cells_of_a_single_launch_take_no_rank_from_those_that_are_told_apart() {
        let one = |mechanism: &str, ns: f64| cell_of_launches(mechanism, &[ns]);
        let cells = [
            cell("first", 100.0, 0.0),
            one("x", 170.0),
            one("y", 180.0),
            cell("second", 200.0, 0.0),
            cell("third", 300.0, 0.0),
            cell("fourth", 400.0, 0.0),
        ];
        let ranks: Vec<String> = told(&cells, None).into_iter().map(|(_, rank, _)| rank).collect();
        assert_eq!(ranks, ["1", "2", "3", "4", "–", "–"]);
    }

    fn noisy(template: &Cell, mut noise: impl FnMut() -> f64) -> Cell {
        let mut cell = template.clone();
        cell.per_launch.iter_mut().for_each(|launch| launch.estimate_ns = 100.0 * noise().exp());
        let launches: Vec<f64> = cell.per_launch.iter().map(|launch| launch.estimate_ns).collect();
        cell.estimate_ns = median(&launches);
        cell
    }

    /// How many of these groups have mechanisms of more than one rank, and of how many mechanisms the ratio to the fastest has an
    /// interval without 1, on average.
    fn told_apart_by_chance(groups: u32, members: usize, rounds: usize, mut noise: impl FnMut() -> f64) -> (f64, f64) {
        let template = cell_of_launches("any", &vec![100.0; rounds]);
        let (mut told, mut intervals) = (0.0, 0.0);
        for _ in 0..groups {
            let cells: Vec<Cell> = (0..members).map(|_| noisy(&template, &mut noise)).collect();
            let mut racing: Vec<&Cell> = cells.iter().collect();
            racing.sort_by(|a, b| time(a).total_cmp(&time(b)));
            let apart = |cell: &&&Cell| PairedRatio::ungraded(racing[0], cell).unwrap().told_apart();
            intervals += racing[1..].iter().filter(apart).count() as f64;
            let ranks = ranks(racing);
            told += f64::from(u8::from(ranks.iter().any(|(_, rank)| rank.is_some_and(|rank| rank.place > 1))));
        }
        (told / f64::from(groups), intervals / f64::from(groups))
    }

    #[test]
    fn of_twenty_equal_mechanisms_any_is_told_apart_in_one_group_of_twenty_at_most() {
        let mut random = fastrand::Rng::with_seed(20);
        for rounds in [6, 12] {
            let (told, intervals) = told_apart_by_chance(200, 20, rounds, || 0.03 * normal(&mut random));
            assert!(told <= 0.09, "{rounds} rounds: {told}");
            // What intervals of 95 % alone would say.
            assert!(intervals > 1.0, "{rounds} rounds: {intervals}");
        }
    }
}
