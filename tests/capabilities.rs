//! What the README says that a mechanism can do is what it does: one named test a mechanism, which tries it.
//!
//! Amounts follow the limits of the machine, so that there is one is compared, and not how much.

use std::time::Duration;

use ipcmark::capability::QUESTIONS;
use ipcmark::cell::{Here, TRADE, observe};
use ipcmark::mechanism::{Family, Mechanism, Reach};
use ipcmark::mechanisms;
use ipcmark_harness::clock::Clock;
use ipcmark_harness::launch::Launcher;
use ipcmark_harness::worker::serve_if_asked;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

const README: &str = include_str!("../README.md");
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    serve_if_asked(TRADE);
    let mut arguments = Arguments::from_args();
    // A sender that does not get on is taken to wait for room: it must not be waiting for a CPU.
    arguments.test_threads.get_or_insert(1);
    let launcher = Launcher { clock: Clock::calibrate().clock, patience: PATIENCE };
    let here = match Here::look(&launcher) {
        Ok(here) => here,
        Err(failure) => {
            eprintln!("error: no worker could say what this kernel supports: {failure}");
            std::process::exit(1);
        }
    };
    let trial = |mechanism: &'static Mechanism| {
        let missing = here.missing(mechanism).map(str::to_owned);
        Trial::ignorable_test(format!("capabilities/{}", mechanism.name), move || match missing {
            Some(reason) => Ok(Completion::ignored_with(format!("skipped: {reason}"))),
            None => is_as_the_readme_says(&launcher, mechanism).map(|()| Completion::Completed),
        })
    };
    let tried = mechanisms::all().filter(|mechanism| mechanism.family != Family::Floor);
    libtest_mimic::run(&arguments, tried.map(trial).collect()).exit();
}

fn is_as_the_readme_says(launcher: &Launcher, mechanism: &Mechanism) -> Result<(), Failed> {
    let said = row(mechanism.name).ok_or("the README's table of capabilities has no row for it")?;
    let seen = observe(launcher, mechanism)?;
    let seen = seen.answers(mechanism.meets_by_name(), mechanism.reach == Reach::Threads);
    for ((question, said), seen) in QUESTIONS.iter().zip(&said).zip(&seen) {
        if without_amounts(said) != without_amounts(seen) {
            return Err(format!("{question}: the README says `{said}`, seen was `{seen}`").into());
        }
    }
    Ok(())
}

fn row(name: &str) -> Option<Vec<String>> {
    let of_row = |line: &str| {
        let cells = line.strip_prefix(&format!("| `{name}` | "))?.strip_suffix(" |")?;
        let cells: Vec<String> = cells.split(" | ").map(str::to_owned).collect();
        (cells.len() == QUESTIONS.len()).then_some(cells)
    };
    README.lines().find_map(of_row)
}

/// `64 KiB` and `104 B` are both an amount.
fn without_amounts(answer: &str) -> String {
    if answer.starts_with(|c: char| c.is_ascii_digit()) { "an amount".into() } else { answer.into() }
}
