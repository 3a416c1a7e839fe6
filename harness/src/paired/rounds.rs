//! All cells in rounds: every round has an episode of each cell that is open, in shuffled order, so that all share what the
//! machine goes through; at fixed times the episodes are looked at, and decided cells leave their time to the others.

use std::time::{Duration, Instant};

use super::cell::PairedCell;
use super::verdict::Rules;
use crate::control::Failure;
use crate::launch::{Launcher, Program};

/// When episodes are looked at, as shares of the budget. Each look costs some of the error rate, later ones hardly any.
pub const LOOKS: [f64; 14] = [0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0];

/// Time, and when to look.
#[derive(Debug)]
pub struct Timetable {
    start: Instant,
    budget: Duration,
    looked: usize,
}

impl Timetable {
    /// Begins now.
    pub fn start(budget: Duration) -> Timetable {
        Timetable { start: Instant::now(), budget, looked: 0 }
    }

    /// How much of the budget is over, 1 at most.
    pub fn share(&self) -> f64 {
        (self.start.elapsed().as_secs_f64() / self.budget.as_secs_f64()).min(1.0)
    }

    /// Looks at all open cells if it is time to. The error that may be spent is that of the planned time: when exactly a round
    /// ends depends on what was measured.
    pub fn look_if_due(&mut self, cells: &mut [PairedCell], rules: &Rules) {
        let share = self.share();
        let due = LOOKS.iter().filter(|&&look| look <= share).count();
        if due > self.looked {
            self.looked = due;
            cells.iter_mut().filter(|cell| cell.is_open()).for_each(|cell| cell.look(rules, LOOKS[due - 1]));
        }
    }
}

/// Compares two programs on `cells` until all are decided or `budget` ends. `report` hears of each cell before its episode,
/// with the share of the budget that is over.
///
/// # Errors
/// When interrupted; cells keep what was measured.
pub fn run(
    cells: &mut [PairedCell],
    launcher: &Launcher,
    programs: &[Program; 2],
    rules: &Rules,
    budget: Duration,
    mut report: impl FnMut(&PairedCell, f64),
) -> Result<(), Failure> {
    let mut random = fastrand::Rng::new();
    let mut timetable = Timetable::start(budget);
    loop {
        let mut order: Vec<usize> = (0..cells.len()).filter(|&index| cells[index].is_open()).collect();
        if order.is_empty() || timetable.share() >= 1.0 {
            return Ok(());
        }
        random.shuffle(&mut order);
        for index in order {
            report(&cells[index], timetable.share());
            cells[index].measure(launcher, programs, &mut random)?;
            if timetable.share() >= 1.0 {
                break;
            }
        }
        timetable.look_if_due(cells, rules);
    }
}
