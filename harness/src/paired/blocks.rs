//! One build before and after a setting: what takes a command to change cannot change with each batch.
//!
//! A block has launches of all open cells under one state of the setting; four blocks are ABBA or BAAB by chance, and
//! neighbouring ones are a pair. Where the commands take long a block has several launches of each cell.

use std::time::{Duration, Instant};

use super::cell::PairedCell;
use super::episode::{Alone, Episode};
use super::rounds::Timetable;
use super::setting::Setting;
use super::verdict::Rules;
use crate::control::{Failure, FailureKind};
use crate::launch::{Launcher, Program};
use crate::sys::signals;

/// The commands may take this part of the time, and more only where the most launches a block do not make it less.
const COMMANDS_SHARE: f64 = 0.25;
const MOST_LAUNCHES: usize = 16;

/// Why it ended before its time.
#[derive(Debug)]
pub enum Stopped {
    /// It was interrupted.
    Failure(Failure),
    /// A command has failed: a sentence.
    Setting(String),
}

/// How long commands and launches have taken.
#[derive(Default)]
struct Costs {
    commands: Duration,
    changes: u32,
    launches: Duration,
    rounds: u32,
}

impl Costs {
    /// Launches of each cell in a block.
    fn launches_a_block(&self) -> usize {
        if self.changes == 0 || self.rounds == 0 {
            return 1;
        }
        let command_s = self.commands.as_secs_f64() / f64::from(self.changes);
        let round_s = self.launches.as_secs_f64() / f64::from(self.rounds);
        // Of four blocks two begin with a change.
        let wanted = command_s / 2.0 * (1.0 - COMMANDS_SHARE) / COMMANDS_SHARE / round_s.max(1e-6);
        (wanted.ceil() as usize).clamp(1, MOST_LAUNCHES)
    }
}

/// What blocks need.
struct Blocks<'a> {
    cells: &'a mut [PairedCell],
    launcher: &'a Launcher,
    programs: &'a [Program; 2],
    setting: &'a mut Setting,
    timetable: Timetable,
    costs: Costs,
    random: fastrand::Rng,
}

/// Compares A, without the setting, with B, with it, as [`super::rounds::run`] does. The caller ends the setting.
///
/// # Errors
/// When interrupted, or a command fails; cells keep what was measured.
pub fn run(
    cells: &mut [PairedCell],
    launcher: &Launcher,
    programs: &[Program; 2],
    setting: &mut Setting,
    rules: &Rules,
    budget: Duration,
    mut report: impl FnMut(&PairedCell, f64),
) -> Result<(), Stopped> {
    let (timetable, costs, random) = (Timetable::start(budget), Costs::default(), fastrand::Rng::new());
    let mut blocks = Blocks { cells, launcher, programs, setting, timetable, costs, random };
    while blocks.cells.iter().any(PairedCell::is_open) && blocks.timetable.share() < 1.0 {
        let first = usize::from(blocks.random.bool());
        for first in [first, 1 - first] {
            blocks.pair(first, &mut report)?;
        }
        blocks.timetable.look_if_due(blocks.cells, rules);
    }
    Ok(())
}

impl Blocks<'_> {
    /// Two neighbouring blocks, arm `first` first. A pair that time has cut short is left out.
    fn pair(&mut self, first: usize, report: &mut impl FnMut(&PairedCell, f64)) -> Result<(), Stopped> {
        let launches = self.costs.launches_a_block();
        let mut of_arms = [Vec::new(), Vec::new()];
        for arm in [first, 1 - first] {
            of_arms[arm] = self.block(arm, launches, report)?;
        }
        for (index, (a, b)) in of_arms[0].iter().zip(&of_arms[1]).enumerate() {
            if a.len() == launches && b.len() == launches {
                self.cells[index].add(Episode::of_blocks([a, b]));
            }
        }
        Ok(())
    }

    /// The launches of each cell.
    fn block(
        &mut self,
        arm: usize,
        launches: usize,
        report: &mut impl FnMut(&PairedCell, f64),
    ) -> Result<Vec<Vec<Alone>>, Stopped> {
        self.change(arm == 1)?;
        let mut of_cells = vec![Vec::new(); self.cells.len()];
        for _ in 0..launches {
            let start = Instant::now();
            let mut order: Vec<usize> = (0..self.cells.len()).filter(|&index| self.cells[index].is_open()).collect();
            self.random.shuffle(&mut order);
            for index in order {
                let share = self.timetable.share();
                if share >= 1.0 {
                    return Ok(of_cells);
                }
                report(&self.cells[index], share);
                let launch = self.cells[index].measure_alone(self.launcher, self.programs, arm, &mut self.random);
                of_cells[index].extend(launch.map_err(Stopped::Failure)?);
            }
            self.costs.launches += start.elapsed();
            self.costs.rounds += 1;
        }
        Ok(of_cells)
    }

    fn change(&mut self, applied: bool) -> Result<(), Stopped> {
        let start = Instant::now();
        if self.setting.is_applied() != applied {
            self.setting.set(applied).map_err(stopped)?;
            self.costs.commands += start.elapsed();
            self.costs.changes += 1;
        }
        Ok(())
    }
}

/// An interruption ends the command under way, too.
fn stopped(why: String) -> Stopped {
    match signals::interruption() {
        Some(_) => Stopped::Failure(Failure::new(FailureKind::Interrupted, why)),
        None => Stopped::Setting(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_commands_are_shared_by_more_launches() {
        let costs = |command_ms: u64| Costs {
            commands: Duration::from_millis(command_ms * 10),
            changes: 10,
            launches: Duration::from_secs(1),
            rounds: 10,
        };
        // A round of launches takes 100 ms; half a change a block.
        assert_eq!(Costs::default().launches_a_block(), 1);
        assert_eq!(costs(10).launches_a_block(), 1);
        assert_eq!(costs(199).launches_a_block(), 3);
        assert_eq!(costs(60_000).launches_a_block(), MOST_LAUNCHES);
    }
}
