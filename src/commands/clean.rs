//! `ipcmark clean`: removes what a run could not, because it was killed together with its workers.

use std::time::Duration;

use clap::Args;
use ipcmark_harness::sys::names::{self, How, Lease, State};
use serde_json::{Value, json};

use super::exit::{self, Stop};
use super::{output, say};

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(super) struct CleanArgs {
    /// Remove nothing; say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// An object instead of lines
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Default)]
struct Report {
    removed: Vec<String>,
    left: Vec<(String, String)>,
}

pub(super) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let leases = names::leases().map_err(|why| Stop::new(exit::FAILURE, format!("nothing was removed: {why}")))?;
    let how = if args.dry_run { How::Look } else { How::Remove };
    let mut report = Report::default();
    leases.iter().for_each(|lease| report.add(lease, how));
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report.to_json(how))?);
    } else {
        output::write(&report.text(how));
    }
    Ok(())
}

impl Report {
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
        let (done, result) = match how {
            How::Remove => ("removed", "removed"),
            How::Look => ("would remove", "would be removed"),
        };
        let width = done.len();
        let removed: String = self.removed.iter().map(|thing| format!("{done}  {thing}\n")).collect();
        let left: String = self.left.iter().map(|(path, why)| format!("{:width$}  {path}  {why}\n", "left")).collect();
        match (self.removed.len(), self.left.len()) {
            (0, 0) => "nothing is left behind\n".into(),
            (things, folders) => format!("{removed}{left}{things} {result}, {folders} left alone\n"),
        }
    }

    fn to_json(&self, how: How) -> Value {
        let left: Vec<Value> = self.left.iter().map(|(path, why)| json!({"path": path, "reason": why})).collect();
        json!({"dry_run": how == How::Look, "removed": self.removed, "left": left})
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
        let report = Report { removed: vec!["/a".into()], left: vec![("/b".into(), "is in use".into())] };
        assert_eq!(report.text(How::Remove), "removed  /a\nleft     /b  is in use\n1 removed, 1 left alone\n");
        let would = "would remove  /a\nleft          /b  is in use\n1 would be removed, 1 left alone\n";
        assert_eq!(report.text(How::Look), would);
    }
}
