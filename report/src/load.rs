//! Records from files and folders. A bad one is told of and left out; good ones beside it are still read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ipcmark_harness::record::{Record, sanitize};
use sha2::{Digest, Sha256};

/// How deep below a given folder records are looked for: `results/<machine>/<date>-<revision>.jsonl` is two.
const MAX_DEPTH: usize = 4;

/// A record, and where it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file as it was read, in lower-case hexadecimal digits.
    pub digest: String,
    /// What it holds.
    pub record: Record,
}

/// What became of all paths that were given.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The readable records, in the order given; those of a folder by their paths.
    pub sources: Vec<Source>,
    /// What was left out, a sentence each, safe for a terminal: whole files, and lines of the records above.
    pub problems: Vec<String>,
}

/// Reads every file, and every `*.jsonl` below every folder.
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut loaded = Loaded::default();
    for path in paths {
        match files(path, MAX_DEPTH) {
            Ok(files) if files.is_empty() => {
                loaded.problems.push(format!("{}: no file in it ends in .jsonl", shown(path)));
            }
            Ok(files) => files.iter().for_each(|file| loaded.take(file)),
            Err(error) => loaded.problems.push(format!("cannot read {}: {error}", shown(path))),
        }
    }
    loaded
}

impl Loaded {
    fn take(&mut self, path: &Path) {
        let read = File::open(path).map(Hashing::new).map(|mut file| (Record::from_reader(path, &mut file), file));
        match read {
            Ok((Ok((record, warnings)), file)) => {
                self.problems.extend(warnings.iter().map(ToString::to_string));
                self.sources.push(Source { path: path.to_owned(), digest: file.digest(), record });
            }
            Ok((Err(error), _)) => self.problems.push(error.to_string()),
            Err(error) => self.problems.push(format!("cannot read {}: {error}", shown(path))),
        }
    }
}

fn files(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    if !path.metadata()?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = path.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        // Links are not followed: a folder may hold one to itself.
        let kind = entry.symlink_metadata()?.file_type();
        if kind.is_dir() && depth > 1 {
            found.extend(files(&entry, depth - 1)?);
        } else if kind.is_file() && entry.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(entry);
        }
    }
    Ok(found)
}

fn shown(path: &Path) -> String {
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
