//! `ipcmark cite`: a number with all that goes with it, to be pasted.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipcmark_report::cite::{Form, Refusal, cite, pair};
use ipcmark_report::load::Source;

use super::exit::{self, Stop};

/// Arguments of `cite`.
#[derive(Debug, Args)]
#[command(after_help = "\
  ipcmark cite RECORD ID                              a number
  ipcmark cite RECORD --compare ID1 ID2               how many times as long ID2 takes as ID1
  ipcmark cite RECORD1 RECORD2 --compare ID1 ID2      ID1 of the first record, ID2 of the second")]
pub(super) struct CiteArgs {
    /// A record and the id of one of its cells; with --compare one record, or two
    #[arg(value_name = "RECORD", num_args = 1..=2, required = true)]
    given: Vec<OsString>,
    /// The ratio of two cells
    #[arg(long, num_args = 2, value_names = ["ID1", "ID2"])]
    compare: Option<Vec<String>>,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also what is not to be cited: grade D, or not graded
    #[arg(long)]
    anyway: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Bibtex,
    Json,
}

impl From<Format> for Form {
    fn from(format: Format) -> Form {
        match format {
            Format::Text => Form::Text,
            Format::Markdown => Form::Markdown,
            Format::Bibtex => Form::Bibtex,
            Format::Json => Form::Json,
        }
    }
}

pub(super) fn run(args: &CiteArgs) -> anyhow::Result<()> {
    let form = args.format.into();
    let said = match (args.given.as_slice(), args.compare.as_deref()) {
        ([record, id], None) => cite(&one(record)?, &id.to_string_lossy(), args.anyway).map_err(stop)?.form(form),
        ([_], None) => return Err(Stop::usage("give the id of a cell behind the record, or two with --compare").into()),
        ([record], Some([base, other])) => {
            let source = one(record)?;
            pair((&source, base), (&source, other), args.anyway).map_err(stop)?.form(form)
        }
        ([first, second], Some([base, other])) => {
            pair((&one(first)?, base), (&one(second)?, other), args.anyway).map_err(stop)?.form(form)
        }
        _ => return Err(Stop::usage("give a record and an id, or one or two records with --compare ID1 ID2").into()),
    };
    match args.format {
        Format::Json => super::output::json_text(&said),
        _ => super::say!("{said}"),
    }
    Ok(())
}

fn one(path: &OsStr) -> anyhow::Result<Source> {
    let loaded = super::loaded(&[PathBuf::from(path)]);
    let count = loaded.sources.len();
    let shown = ipcmark_harness::record::sanitize(&path.display().to_string());
    match <[Source; 1]>::try_from(loaded.sources) {
        Ok([source]) => Ok(source),
        Err(_) if count == 0 => Err(Stop::new(exit::FAILURE, format!("{shown} is no readable record")).into()),
        Err(_) => Err(Stop::usage(format!("{shown} holds {count} records; name one of them")).into()),
    }
}

fn stop(refusal: Refusal) -> Stop {
    match refusal {
        Refusal::Unknown(_) => Stop::usage(refusal),
        Refusal::NotMeasured(_) | Refusal::NotCitable(_) => Stop::new(exit::FAILURE, refusal),
    }
}
