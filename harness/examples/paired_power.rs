//! What `ipcmark experiment` finds, and calls falsely: by resampling episodes that it has recorded, and by simulation.
//!
//! ```text
//! ipcmark experiment FILTER… --resolve 0.01% --budget 165 --json > episodes.json     # A and B are one program
//! cargo run --release -p ipcmark-harness --example paired_power -- episodes.json
//! ```
//!
//! A and B of such a record are exchangeable, so each episode drawn is turned round with even odds, and a slow-down is added to its
//! logarithm. The judging code is that of the command; only time is replaced by the episodes that fit into it.

use std::time::Duration;

use ipcmark_harness::paired::cell::PairedCell;
use ipcmark_harness::paired::episode::Episode;
use ipcmark_harness::paired::rounds::LOOKS;
use ipcmark_harness::paired::verdict::{Rules, Verdict};
use serde_json::Value;

const TRIALS: usize = 400;
/// Cells of an experiment, among which the error rate is divided.
const CELLS: f64 = 10.0;

/// Where episodes come from.
struct Source {
    id: String,
    log_ratios: Vec<f64>,
    episode_s: f64,
}

/// What is asked of a source: a true slow-down, what is to be resolved, and a cell's part of the budget.
#[derive(Copy, Clone)]
struct Question {
    slow_down: f64,
    resolve: f64,
    share_s: f64,
    cells: f64,
}

/// How often each verdict fell, how often the last interval held the truth, and after how many seconds it ended.
#[derive(Default)]
struct Answers {
    slower: usize,
    faster: usize,
    same: usize,
    unresolved: usize,
    covered: usize,
    seconds: Vec<f64>,
}

fn main() {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let recorded: Vec<Source> = paths.iter().flat_map(|path| read(path)).collect();
    println!("resampled: share of trials; each cell, then all");
    for (title, question) in questions() {
        println!("\n{title}");
        table(&recorded, question);
    }
    println!("\nsimulated, 18 s of episodes of 50 ms each");
    for (title, question) in questions().into_iter().filter(|(_, question)| question.share_s == 18.0) {
        println!("\n{title}");
        table(&simulated(), question);
    }
}

fn questions() -> Vec<(&'static str, Question)> {
    let question = |slow_down, resolve, share_s, cells| Question { slow_down, resolve, share_s, cells };
    vec![
        ("equal, 18 s a cell, --resolve 5%", question(1.0, 0.05, 18.0, CELLS)),
        ("slower by 5 %, 18 s a cell, --resolve 5%", question(1.05, 0.05, 18.0, CELLS)),
        ("slower by 10 %, 18 s a cell, --resolve 5%", question(1.10, 0.05, 18.0, CELLS)),
        ("equal, 10 s, --resolve 3%", question(1.0, 0.03, 10.0, 1.0)),
        ("slower by 3 %, 10 s, --resolve 3%", question(1.03, 0.03, 10.0, 1.0)),
        ("equal, 2 s, --resolve 1%", question(1.0, 0.01, 2.0, 1.0)),
        ("slower by 1 %, 2 s, --resolve 1%", question(1.01, 0.01, 2.0, 1.0)),
    ]
}

fn table(sources: &[Source], question: Question) {
    let mut all = Answers::default();
    for source in sources {
        let mut random = fastrand::Rng::with_seed(1);
        let mut answers = Answers::default();
        (0..TRIALS).for_each(|_| trial(source, question, &mut random, &mut answers));
        println!("{}  {}", answers.line(), source.id);
        all.add(answers);
    }
    println!("{}  all", all.line());
}

fn trial(source: &Source, question: Question, random: &mut fastrand::Rng, answers: &mut Answers) {
    let rules = Rules {
        resolve: question.resolve,
        tolerance: question.resolve / 5.0,
        error_rate: 0.05 / question.cells,
        fail_on: None,
    };
    let truth = question.slow_down.ln();
    let mut cell = PairedCell::new(String::new(), Value::Null, Vec::new(), Duration::from_secs_f64(question.share_s));
    let mut seconds = question.share_s;
    for share in LOOKS {
        let wanted = (question.share_s * share / source.episode_s) as usize;
        while cell.episodes.len() < wanted {
            cell.episodes.push(episode(truth + source.draw(random)));
        }
        cell.look(&rules, share);
        if !cell.is_open() {
            seconds = question.share_s * share;
            break;
        }
    }
    answers.note(&cell, truth, seconds);
}

impl Source {
    fn draw(&self, random: &mut fastrand::Rng) -> f64 {
        let value = self.log_ratios[random.usize(..self.log_ratios.len())];
        if random.bool() { value } else { -value }
    }
}

impl Answers {
    fn note(&mut self, cell: &PairedCell, truth: f64, seconds: f64) {
        match cell.verdict {
            Verdict::Slower => self.slower += 1,
            Verdict::Faster => self.faster += 1,
            Verdict::NoDifference => self.same += 1,
            Verdict::NotResolved => self.unresolved += 1,
        }
        self.covered += usize::from(cell.centre.is_none_or(|c| (c.low..=c.high).contains(&truth)));
        self.seconds.push(seconds);
    }

    fn add(&mut self, more: Answers) {
        self.slower += more.slower;
        self.faster += more.faster;
        self.same += more.same;
        self.unresolved += more.unresolved;
        self.covered += more.covered;
        self.seconds.extend(more.seconds);
    }

    fn line(&self) -> String {
        let percent = |n: usize| format!("{:5.1}", 100.0 * n as f64 / self.seconds.len().max(1) as f64);
        let seconds = ipcmark_harness::estimate::median(&self.seconds).unwrap_or(f64::NAN);
        format!(
            "slower {} faster {} same {} unresolved {} covered {} %, {seconds:5.2} s",
            percent(self.slower),
            percent(self.faster),
            percent(self.same),
            percent(self.unresolved),
            percent(self.covered),
        )
    }
}

fn read(path: &str) -> Vec<Source> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    json["cells"].as_array().into_iter().flatten().filter_map(source).collect()
}

/// None of a cell that failed.
fn source(cell: &Value) -> Option<Source> {
    let episodes = cell["episodes"].as_array().filter(|episodes| episodes.len() >= 8)?;
    // The first ones are pilots, which are longer.
    let usual = &episodes[8.min(episodes.len() - 1)..];
    let seconds = |e: &Value| Some(e["fixed_s"].as_f64()? + e["pairs_s"].as_f64()?);
    Some(Source {
        id: cell["id"].as_str()?.to_owned(),
        log_ratios: episodes.iter().filter_map(|episode| episode["log_ratio"].as_f64()).collect(),
        episode_s: usual.iter().filter_map(seconds).sum::<f64>() / usual.len() as f64,
    })
}

fn episode(log_ratio: f64) -> Episode {
    Episode::of(vec![log_ratio], [1.0, log_ratio.exp()])
}

/// The logarithm of a launch's time, from a normal deviate and what else is drawn.
type Shape = fn(&mut fastrand::Rng, f64) -> f64;

/// Shapes that launches have been seen to have, as the differences of two draws.
fn simulated() -> Vec<Source> {
    let mut random = fastrand::Rng::with_seed(7);
    let normal = |random: &mut fastrand::Rng| (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    let shapes: [(&str, Shape); 5] = [
        ("normal, 3 %", |_, normal| 0.03 * normal),
        ("normal, 10 %", |_, normal| 0.10 * normal),
        ("two modes of 27 %, each half of the processes", |random, normal| {
            0.01 * normal + if random.bool() { 0.27 } else { 0.0 }
        }),
        ("two modes of 27 %, one in eight processes", |random, normal| {
            0.01 * normal + if random.u8(..8) == 0 { 0.27 } else { 0.0 }
        }),
        ("heavy tails: Cauchy, 2 %", |random, _| 0.02 * (std::f64::consts::PI * (random.f64() - 0.5)).tan()),
    ];
    let source = |(id, shape): &(&str, Shape)| {
        let mut draw = || {
            let value = normal(&mut random);
            shape(&mut random, value)
        };
        let log_ratios = (0..20_000).map(|_| draw() - draw()).collect();
        Source { id: (*id).to_owned(), log_ratios, episode_s: 0.05 }
    };
    shapes.iter().map(source).collect()
}
