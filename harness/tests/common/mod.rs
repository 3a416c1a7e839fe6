//! Fixture machines. One is one text file, `path:line` as `grep -r ''` prints it, unpacked into a directory that serves as root.

use ipcmark_harness::machine::Root;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(crate) const FIXTURES: [&str; 5] =
    ["two-socket-server", "hybrid-laptop", "arm-board", "kvm-2cpu", "container-with-quota"];

/// A fixture machine; its directory lives as long as this.
pub(crate) struct Machine {
    pub(crate) root: Root,
    _directory: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn fixture(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/machines/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        Self::unpack(&fs::read_to_string(path).unwrap())
    }

    pub(crate) fn unpack(listing: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut files = BTreeMap::<&str, String>::new();
        for line in listing.lines().filter(|line| !line.starts_with('#')) {
            let (path, text) = line.split_once(':').unwrap();
            *files.entry(path).or_default() += &format!("{text}\n");
        }
        for (path, text) in files {
            let place = directory.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(place, text).unwrap();
        }
        Self { root: Root::new(directory.path()), _directory: directory }
    }
}
