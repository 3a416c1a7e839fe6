//! `ipcmark clean`: ends and removes what a run could not, because it was killed: workers that stay, and what has a name.

use std::time::Duration;

use clap::Args;
use ipcmark_harness::sys::names::{self, How, Lease, State};
use ipcmark_harness::sys::orphans::{Orphan, orphans};
use serde_json::{Value, json};

use super::exit::{self, Stop};
use super::output;

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(super) struct CleanArgs {
    /// End and remove nothing; say what would be ended and removed
    #[arg(long)]
    dry_run: bool,
    /// An object instead of lines
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Default)]
struct Report {
    ended: Vec<String>,
    removed: Vec<String>,
    left: Vec<(String, String)>,
}

pub(super) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let how = if args.dry_run { How::Look } else { How::Remove };
    let mut report = Report::default();
    // First, since what a worker holds is in use as long as it lives.
    let orphans = orphans();
    orphans.iter().for_each(|orphan| report.end(orphan, how));
    let mut leases = names::leases().map_err(|why| Stop::new(exit::FAILURE, format!("nothing was removed: {why}")))?;
    if how == How::Look {
        leases.iter_mut().for_each(|lease| lease.suppose_ended(|owner| orphans.iter().any(|one| one.process == owner)));
    }
    leases.iter().for_each(|lease| report.add(lease, how));
    if args.json {
        output::json(&report.to_json(how))?;
    } else {
        output::write(&report.text(how));
    }
    Ok(())
}

impl Report {
    fn end(&mut self, orphan: &Orphan, how: How) {
        let Orphan { process, front_end, .. } = orphan;
        let what = format!("process {process}, of a run that has ended (process {front_end})");
        match if how == How::Remove { orphan.end() } else { Ok(()) } {
            Ok(()) => self.ended.push(what),
            Err(why) => self.left.push((what, why)),
        }
    }

    fn add(&mut self, lease: &Lease, how: How) {
        let left = match &lease.state {
            State::Dead => lease.clean(how, &mut |thing| self.removed.push(thing.to_string())),
            State::Live { process, age } => {
                let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
                Err(format!("is in use by process {process}, for {age}"))
            }
            State::Unclear(why) => Err(why.clone()),
        };
        if let Err(why) = left {
            self.left.push((lease.path.display().to_string(), why));
        }
    }

    fn text(&self, how: How) -> String {
        let (would, be) = if how == How::Remove { ("", "") } else { ("would ", "would be ") };
        let (ends, removes) = if how == How::Remove { ("ended", "removed") } else { ("end", "remove") };
        let width = would.len() + removes.len();
        let lines = |done: String, things: &[String]| -> String {
            things.iter().map(|thing| format!("{done:width$}  {thing}\n")).collect()
        };
        let left: Vec<String> = self.left.iter().map(|(what, why)| format!("{what}  {why}")).collect();
        let (ended, removed, left) = (
            lines(format!("{would}{ends}"), &self.ended),
            lines(format!("{would}{removes}"), &self.removed),
            lines("left".into(), &left),
        );
        let processes = match self.ended.len() {
            0 => String::new(),
            1 => format!("1 process {be}ended, "),
            several => format!("{several} processes {be}ended, "),
        };
        match (self.ended.len() + self.removed.len(), self.left.len()) {
            (0, 0) => "nothing is left behind\n".into(),
            (_, alone) => {
                format!("{ended}{removed}{left}{processes}{} {be}removed, {alone} left alone\n", self.removed.len())
            }
        }
    }

    fn to_json(&self, how: How) -> Value {
        let left: Vec<Value> = self.left.iter().map(|(path, why)| json!({"path": path, "reason": why})).collect();
        json!({"dry_run": how == How::Look, "ended": self.ended, "removed": self.removed, "left": left})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_one_sentence() {
        assert_eq!(Report::default().text(How::Remove), "nothing is left behind\n");
    }

    #[test]
    fn everything_has_its_line_and_the_last_one_counts() {
        let (removed, left) = (vec!["/a".into()], vec![("/b".into(), "is in use".into())]);
        let mut report = Report { removed, left, ..Report::default() };
        assert_eq!(report.text(How::Remove), "removed  /a\nleft     /b  is in use\n1 removed, 1 left alone\n");
        let would = "would remove  /a\nleft          /b  is in use\n1 would be removed, 1 left alone\n";
        assert_eq!(report.text(How::Look), would);
        report.ended.push("process 1".into());
        assert!(report.text(How::Remove).starts_with("ended    process 1\nremoved  /a\n"));
        assert!(report.text(How::Remove).ends_with("\n1 process ended, 1 removed, 1 left alone\n"));
        assert!(report.text(How::Look).starts_with("would end     process 1\nwould remove  /a\n"));
    }
}
