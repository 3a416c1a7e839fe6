//! Records from files and folders, and what criterion left. A bad one is told of and left out; good ones beside it are still read.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use ipcmark_harness::record::{MAX_FILE_BYTES, ReadError, Record, sanitize};
use ipcmark_harness::sys::files;
use sha2::{Digest, Sha256};

use crate::criterion;

/// How deep below a given folder records are looked for: `results/<machine>/<date>-<revision>.jsonl` is two.
const MAX_DEPTH: usize = 4;

/// A record, and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file as it was read, in lower-case hexadecimal digits.
    pub digest: String,
    /// Who wrote it.
    pub origin: Origin,
    /// What it holds.
    pub record: Record,
}

/// Who wrote what a source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This suite.
    Record,
    /// Criterion: see [`crate::criterion`].
    Criterion,
}

impl Origin {
    /// What its numbers do not have; none: all.
    pub fn lacks(self) -> Option<&'static str> {
        match self {
            Origin::Record => None,
            Origin::Criterion => Some(
                "from criterion's files: no machine, date or revision, one process (intervals span its samples, not launches), \
                 no tails, no CPU time, no grades",
            ),
        }
    }
}

/// What became of all paths that were given.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The readable records, in the order given; those of a folder by their paths.
    pub sources: Vec<Source>,
    /// What was left out, a sentence each, safe for a terminal: whole files, and lines of the records above.
    pub problems: Vec<String>,
}

/// Reads every file, and of every folder all `*.jsonl` below it and the latest run of each of criterion's trees; with `@NAME` behind
/// it, the baseline that was saved in these trees under that name. Files are read by as many threads as there are CPUs.
pub fn load(paths: &[PathBuf]) -> Loaded {
    let found: Vec<Found> = paths.iter().flat_map(|path| find(path)).collect();
    let next = AtomicUsize::new(0);
    let read = || {
        let mut mine = Vec::new();
        while let Some((place, found)) =
            Some(next.fetch_add(1, Relaxed)).and_then(|place| Some((place, found.get(place)?)))
        {
            mine.push((place, found.load()));
        }
        mine
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(found.len().max(1));
    let mut all: Vec<(usize, Loaded)> = thread::scope(|scope| {
        // Where a limit refuses threads, this one reads all.
        let reader = |_| thread::Builder::new().spawn_scoped(scope, read).ok();
        let readers: Vec<_> = (1..threads).map_while(reader).collect();
        let mut all = read();
        for reader in readers {
            all.extend(reader.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(place, _)| *place);
    let mut loaded = Loaded::default();
    for (_, part) in all {
        loaded.sources.extend(part.sources);
        loaded.problems.extend(part.problems);
    }
    loaded
}

/// What one path turns out to be.
enum Found {
    File(PathBuf),
    /// A folder, a baseline's name, and whether there are records in it, so that it need not hold any of criterion's trees.
    Criterion(PathBuf, Option<String>, bool),
    Problem(String),
}

fn find(path: &Path) -> Vec<Found> {
    let unreadable = |error| vec![Found::Problem(format!("cannot read {}: {error}", shown(path)))];
    match (path.metadata(), baseline(path)) {
        (Ok(found), _) if found.is_dir() => match records_below(path, MAX_DEPTH) {
            Ok(files) => {
                let trees = Found::Criterion(path.to_owned(), None, !files.is_empty());
                files.into_iter().map(Found::File).chain([trees]).collect()
            }
            Err(error) => unreadable(error),
        },
        (Ok(_), _) => vec![Found::File(path.to_owned())],
        (Err(_), Some((folder, name))) => vec![Found::Criterion(folder.to_owned(), Some(name.to_owned()), false)],
        (Err(error), None) => unreadable(error),
    }
}

impl Found {
    fn load(&self) -> Loaded {
        let mut loaded = Loaded::default();
        match self {
            Found::File(path) => loaded.take(path),
            Found::Criterion(folder, name, beside) => loaded.take_criterion(folder, name.as_deref(), *beside),
            Found::Problem(problem) => loaded.problems.push(problem.clone()),
        }
        loaded
    }
}

/// `target/criterion@main`: a folder, and a baseline in it.
fn baseline(path: &Path) -> Option<(&Path, &str)> {
    let bytes = path.as_os_str().as_bytes();
    let (folder, name) = bytes.split_at(bytes.iter().rposition(|&byte| byte == b'@')?);
    let (folder, name) = (Path::new(OsStr::from_bytes(folder)), std::str::from_utf8(&name[1..]).ok()?);
    (!name.is_empty() && !name.contains('/') && folder.is_dir()).then_some((folder, name))
}

impl Loaded {
    fn take_criterion(&mut self, folder: &Path, baseline: Option<&str>, beside_records: bool) {
        let told = self.problems.len();
        let sources = criterion::read(folder, baseline, &mut self.problems);
        if sources.is_empty() && self.problems.len() == told && !beside_records {
            let (run, folder) = (sanitize(baseline.unwrap_or("new")), shown(folder));
            self.problems
                .push(format!("{folder}: no file in it ends in .jsonl, and no criterion benchmark has a `{run}`"));
        }
        self.sources.extend(sources);
    }

    fn take(&mut self, path: &Path) {
        // Reading a gigabyte to learn that there is more takes seconds.
        if path.metadata().is_ok_and(|found| found.len() > MAX_FILE_BYTES) {
            return self.problems.push(sanitize(&ReadError::TooLarge(path.to_owned()).to_string()));
        }
        let read = files::open(path).map(Hashing::new).map(|mut file| (Record::from_reader(path, &mut file), file));
        match read {
            Ok((Ok((record, warnings)), file)) => {
                // A file's name may hold anything, too.
                self.problems.extend(warnings.iter().map(|warning| sanitize(&warning.to_string())));
                let (path, digest) = (path.to_owned(), file.digest());
                self.sources.push(Source { path, digest, origin: Origin::Record, record });
            }
            Ok((Err(error), _)) => self.problems.push(sanitize(&error.to_string())),
            Err(error) => self.problems.push(format!("cannot read {}: {error}", shown(path))),
        }
    }
}

fn records_below(folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        // Links are not followed: a folder may hold one to itself.
        let kind = entry.symlink_metadata()?.file_type();
        if kind.is_dir() && depth > 1 {
            found.extend(records_below(&entry, depth - 1)?);
        } else if kind.is_file() && entry.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(entry);
        }
    }
    Ok(found)
}

/// What is in a folder, by name.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = folder.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

pub(crate) fn shown(path: &Path) -> String {
    sanitize(&path.display().to_string())
}

/// A reader that takes the digest of all that passes.
struct Hashing<R> {
    source: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    fn new(source: R) -> Self {
        Self { source, hash: Sha256::new() }
    }

    fn digest(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_beside_good_ones_is_told_of_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bad.jsonl"), "{\"a\":1}\n").unwrap();
        std::fs::write(folder.path().join("other.txt"), "no record").unwrap();
        let header = serde_json::json!({"schema": ipcmark_harness::record::SCHEMA, "suite": "0.1.0",
            "front_end": "ipcmark run", "started_utc": "2026-01-31T00:00:00Z"});
        std::fs::write(folder.path().join("good.jsonl"), format!("{header}\n")).unwrap();
        let loaded = load(&[folder.path().to_owned(), folder.path().join("none.jsonl")]);
        assert_eq!(loaded.sources.len(), 1, "{:?}", loaded.problems);
        assert_eq!(loaded.sources[0].digest.len(), 64);
        assert_eq!(loaded.problems.len(), 2, "{:?}", loaded.problems);
    }
}
