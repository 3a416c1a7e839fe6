//! The order of launches: rounds of groups, and the further rounds that a goal wants.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ipcmark_harness::control::{Failure, FailureKind};
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::record;
use ipcmark_harness::sampling::Effort;

use super::{Course, Job, Slot};

/// The environment grows by up to so many bytes, at random, in each launch: one page, so that the stack moves through one.
const MAX_PADDING: usize = 4096;

/// What happens while jobs run.
pub enum Event<'a> {
    /// A launch of this job begins; so much of the whole is done and so much is left, by expectation.
    Launch {
        /// Whose.
        job: &'a Job,
        /// Expected time of what has been done.
        done: Duration,
        /// Expected time of all.
        total: Duration,
    },
    /// This cell is complete, and its line should be kept now.
    Complete(Box<record::Cell>),
}

/// Runs all launches of `jobs`, in rounds whose orders are drawn from the seed, then further ones as the goal wants. Ends early when
/// interrupted; then `Ok` holds the failure that says so. `report` may end it with an error of its own.
pub fn run<E>(
    jobs: &mut [Job],
    launcher: &Launcher,
    effort: &Effort,
    course: Course,
    mut report: impl FnMut(Event<'_>) -> Result<(), E>,
) -> Result<Option<Failure>, E> {
    for job in jobs.iter().filter(|job| job.stage.is_err()) {
        complete(job, &mut report)?;
    }
    let random = fastrand::Rng::with_seed(course.seed);
    let planned = expected(jobs, effort).mul_f64(TIME_TO_REPLACE);
    let mut rounds = Rounds { start: Instant::now(), course, planned, random, done: Duration::ZERO };
    loop {
        if let Some(interruption) = rounds.next(jobs, launcher, effort, &mut report)? {
            return Ok(Some(interruption));
        }
        let is_over = jobs.iter().all(|job| job.left() == 0 || job.failure.is_some());
        if is_over && !rounds.extend(jobs, effort) {
            return Ok(None);
        }
    }
}

/// So much of the time that the planned launches take may pass until no launch is measured again any more, where the budget is less.
const TIME_TO_REPLACE: f64 = 1.2;

/// The order of launches.
struct Rounds {
    start: Instant,
    course: Course,
    /// How long the planned launches may take with those that are measured again.
    planned: Duration,
    random: fastrand::Rng,
    done: Duration,
}

impl Rounds {
    /// Since the run began, in all its starts.
    fn elapsed(&self) -> Duration {
        self.course.elapsed + self.start.elapsed()
    }

    /// What is left of the budget.
    fn budget(&self) -> Duration {
        self.course.goal.budget.saturating_sub(self.elapsed())
    }

    /// One launch of every job that has any left, group by group.
    fn next<E>(
        &mut self,
        jobs: &mut [Job],
        launcher: &Launcher,
        effort: &Effort,
        report: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<Option<Failure>, E> {
        let total = self.done + expected(jobs, effort);
        for mut group in self.order(jobs) {
            while let Some(index) = group.pop_front() {
                let job = &mut jobs[index];
                let took = job.expected(effort);
                if job.is_extended && self.budget() < took {
                    job.settle();
                    continue;
                }
                report(Event::Launch { job, done: self.done, total })?;
                match job.launch_again_if_disturbed(launcher, effort, self.slot()) {
                    Ok(true) => {}
                    Ok(false) => group.push_back(index),
                    Err(failure) if failure.kind == FailureKind::Interrupted => return Ok(Some(failure)),
                    Err(failure) => job.fail(failure),
                }
                // Further launches only narrow what has been kept: the caller writes their result at the end.
                if job.failure.is_some() || job.left() == 0 && !job.is_extended {
                    complete(job, report)?;
                }
                self.done += took;
            }
        }
        self.course.rounds = self.course.rounds.saturating_add(1);
        Ok(None)
    }

    /// Which jobs have a launch in this round: groups of cells that are to be compared, in a new order, and a new order in each. Ratios
    /// are of neighbours in time then: where the host moves its virtual CPUs, what lasts for seconds falls out of them. A launch that
    /// was disturbed follows at the end of its group.
    fn order(&mut self, jobs: &[Job]) -> Vec<VecDeque<usize>> {
        let mut groups: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate().filter(|(_, job)| job.left() > 0 && job.failure.is_none()) {
            groups.entry((job.cell.group(), job.cell.value())).or_default().push(index);
        }
        let mut order: Vec<Vec<usize>> = groups.into_values().collect();
        self.random.shuffle(&mut order);
        order.iter_mut().for_each(|group| self.random.shuffle(group));
        order.into_iter().map(VecDeque::from).collect()
    }

    fn slot(&mut self) -> Slot {
        let may_replace = self.start.elapsed() < self.planned || !self.budget().is_zero();
        let padding = self.random.usize(..MAX_PADDING);
        Slot { round: self.course.rounds, at: self.elapsed(), padding, may_replace }
    }

    /// Plans a further round of cells that are not known well enough, as many as the budget still has time for; whether any.
    fn extend(&mut self, jobs: &mut [Job], effort: &Effort) -> bool {
        let Some(target) = self.course.goal.target else { return false };
        let mut left = self.budget();
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        self.random.shuffle(&mut order);
        let mut any = false;
        for index in order {
            let expected = jobs[index].expected(effort);
            if expected <= left && jobs[index].extend(target) {
                (any, left) = (true, left - expected);
            }
        }
        any
    }
}

/// How long the launches take that are planned, about: right within the noise of starting workers.
pub fn expected(jobs: &[Job], effort: &Effort) -> Duration {
    jobs.iter().filter(|job| job.failure.is_none()).map(|job| job.expected_of_all(effort)).sum()
}

fn complete<E>(job: &Job, report: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
    job.result().map_or(Ok(()), |cell| report(Event::Complete(Box::new(cell))))
}
