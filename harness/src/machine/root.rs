//! Reads procfs, sysfs and a few files beside them, below a root directory that tests replace.
//!
//! Every path given here is written as on a live system (`/proc/stat`); [`Root`] joins it to its directory. Errors name
//! that path and not the place of a fixture, because they end up in records as the reason of a missing fact.

use flate2::read::GzDecoder;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The longest file that [`Root::read`] accepts, in bytes: a kernel configuration takes 300 KB and `/proc/stat` of 512
/// CPUs 60 KB, so anything longer is not one of the files that this crate knows how to read.
pub const READ_LIMIT_BYTES: u64 = 4 << 20;

/// The directory that stands for `/`: the live system, or a fixture tree.
#[derive(Clone, Debug)]
pub struct Root {
    directory: PathBuf,
}

impl Root {
    /// Reads below `directory`: `/` for this machine.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The text of the file at `path` without surrounding white space and NUL bytes (which end device tree strings).
    ///
    /// Bytes that are not UTF-8 are replaced. The error is one clause that names the path; a path that is not absolute
    /// or contains `..`, and a file above [`READ_LIMIT_BYTES`], are errors too.
    pub fn read(&self, path: &str) -> Result<String, String> {
        let bytes = self.read_bytes(path, READ_LIMIT_BYTES + 1)?;
        if bytes.len() as u64 > READ_LIMIT_BYTES {
            return Err(format!("{path} is longer than {READ_LIMIT_BYTES} bytes"));
        }
        Ok(clean(&bytes))
    }

    /// As [`Root::read`], but only the first `limit_bytes` bytes: the file may be longer.
    pub fn read_start(&self, path: &str, limit_bytes: u64) -> Result<String, String> {
        Ok(clean(&self.read_bytes(path, limit_bytes)?))
    }

    /// The text of a file compressed by gzip, as `/proc/config.gz`; what it holds must keep within
    /// [`READ_LIMIT_BYTES`] too.
    pub fn read_gzip(&self, path: &str) -> Result<String, String> {
        let compressed = self.read_bytes(path, READ_LIMIT_BYTES)?;
        let mut bytes = Vec::new();
        let inflated = GzDecoder::new(compressed.as_slice()).take(READ_LIMIT_BYTES + 1).read_to_end(&mut bytes);
        inflated.map_err(|e| format!("cannot decompress {path}: {e}"))?;
        if bytes.len() as u64 > READ_LIMIT_BYTES {
            return Err(format!("{path} holds more than {READ_LIMIT_BYTES} bytes"));
        }
        Ok(clean(&bytes))
    }

    /// The whole file as one unsigned number; the error shows what stands there instead.
    pub fn read_number(&self, path: &str) -> Result<u64, String> {
        let text = self.read(path)?;
        text.parse().map_err(|_| format!("{path} holds `{text}`, expected a number"))
    }

    /// The names in the directory at `path`, sorted so that `cpu10` follows `cpu9`.
    pub fn list(&self, path: &str) -> Result<Vec<String>, String> {
        let entries = fs::read_dir(self.locate(path)?).map_err(|e| format!("cannot list {path}: {e}"))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        Ok(names)
    }

    /// Whether something is there at `path`; `false` also when looking is not permitted.
    pub fn exists(&self, path: &str) -> bool {
        self.locate(path).is_ok_and(|place| place.exists())
    }

    fn read_bytes(&self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, String> {
        let complain = |e: std::io::Error| format!("cannot read {path}: {e}");
        let file = File::open(self.locate(path)?).map_err(complain)?;
        let mut bytes = Vec::new();
        file.take(limit_bytes).read_to_end(&mut bytes).map_err(complain)?;
        Ok(bytes)
    }

    /// Some paths are put together from what files say (the cgroup of this process): none may leave the root.
    fn locate(&self, path: &str) -> Result<PathBuf, String> {
        let relative = path.strip_prefix('/').ok_or_else(|| format!("{path} is not an absolute path"))?;
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if Path::new(relative).components().all(plain) {
            Ok(self.directory.join(relative))
        } else {
            Err(format!("{path} leaves the directory it starts in"))
        }
    }
}

fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn tree() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        (directory, root)
    }

    #[test]
    fn text_comes_without_white_space_and_nul() {
        let (directory, root) = tree();
        fs::write(directory.path().join("model"), " Board 4\n\0").unwrap();
        assert_eq!(root.read("/model").unwrap(), "Board 4");
    }

    #[test]
    fn errors_name_the_path_and_not_the_root() {
        let (directory, root) = tree();
        let error = root.read("/proc/none").unwrap_err();
        assert!(error.starts_with("cannot read /proc/none: No such file"), "{error}");
        assert!(!error.contains(directory.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_path_cannot_leave_the_root() {
        let (_directory, root) = tree();
        assert!(root.read("/../etc/passwd").unwrap_err().contains("leaves the directory"));
        assert!(root.read("etc/passwd").unwrap_err().contains("not an absolute path"));
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let error = Root::new("/").read("/dev/zero").unwrap_err();
        assert_eq!(error, "/dev/zero is longer than 4194304 bytes");
    }

    #[test]
    fn a_compressed_file_is_read_and_a_bomb_is_refused() {
        let (directory, root) = tree();
        let write = |name: &str, content: &[u8]| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            gzip.write_all(content).unwrap();
            fs::write(directory.path().join(name), gzip.finish().unwrap()).unwrap();
        };
        write("config.gz", b"CONFIG_HZ=250\n");
        write("bomb.gz", &vec![0; (READ_LIMIT_BYTES as usize) * 2]);
        fs::write(directory.path().join("plain"), "CONFIG_HZ=250").unwrap();
        assert_eq!(root.read_gzip("/config.gz").unwrap(), "CONFIG_HZ=250");
        assert_eq!(root.read_gzip("/bomb.gz").unwrap_err(), "/bomb.gz holds more than 4194304 bytes");
        assert!(root.read_gzip("/plain").unwrap_err().starts_with("cannot decompress /plain: "));
    }

    #[test]
    fn names_sort_by_number() {
        let (directory, root) = tree();
        for name in ["cpu10", "cpu9", "cpu1"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(root.list("/").unwrap(), ["cpu1", "cpu9", "cpu10"]);
    }
}
