//! `ipcmark report`: records as one HTML page.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use ipcmark_report::page;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Records, or folders of them; of more than six, charts draw the first four
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// The page to write; one that exists is replaced
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let loaded = super::loaded(&args.records);
    if loaded.sources.is_empty() {
        bail!("none of the {} paths holds a record that can be read", args.records.len());
    }
    let replaced = loaded.sources.iter().find(|source| same_file(&source.path, &args.out));
    if let Some(source) = replaced {
        bail!("--out {} is one of the records; name another file", source.path.display());
    }
    let page = page::render(&loaded);
    std::fs::write(&args.out, page).with_context(|| format!("cannot write {}", args.out.display()))?;
    super::say!("{}", args.out.display());
    Ok(())
}

fn same_file(a: &std::path::Path, b: &std::path::Path) -> bool {
    a.canonicalize().ok().zip(b.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}
