//! `ipcmark report`: records as one HTML page.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use ipcmark_harness::sys::files::{self, Existing};
use ipcmark_report::page;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Records, or folders of them; of more than six, charts draw the first four
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// The page to write; an earlier page is replaced, any other file is not
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let loaded = super::loaded(&args.records);
    if loaded.sources.is_empty() {
        bail!("none of the {} paths holds a record that can be read", args.records.len());
    }
    let inputs = args.records.iter().chain(loaded.sources.iter().map(|source| &source.path));
    if let Some(input) = inputs.into_iter().find(|input| is_same_file(input, &args.out)) {
        bail!("--out {} is one of the records: {}; name another file", args.out.display(), input.display());
    }
    let page = page::render(&loaded);
    files::replace(&args.out, page.as_bytes(), must_be_page)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    super::say!("{}", args.out.display());
    Ok(())
}

/// By any of its names, hard links too; none: the file to write is not there yet.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(a).is_some_and(|a| identity(b) == Some(a))
}

/// An empty file holds nothing that could be lost.
fn must_be_page(existing: &mut Existing) -> io::Result<()> {
    if existing.metadata()?.len() == 0 || page::is_page(existing)? {
        return Ok(());
    }
    Err(io::Error::other(
        "it exists and is not a page that ipcmark report has written; name another file, or remove it",
    ))
}
