//! Which file a worker runs, to see that it is the same at every start.

use std::fs::{metadata, read_link};
use std::os::unix::fs::MetadataExt;

use serde::Serialize;

/// The file of a running program.
#[derive(Clone, Debug, Serialize)]
pub struct Executable {
    /// Where it was found.
    pub path: String,
    /// The device that holds it.
    pub device: u64,
    /// Its number on the device.
    pub inode: u64,
    /// Its size.
    pub bytes: u64,
    /// When it was last written: seconds since 1970.
    pub modified_s: i64,
    /// And nanoseconds.
    pub modified_ns: i64,
}

impl Executable {
    /// What `process` runs now; none where /proc does not tell. The link leads to the file itself, even if another has its name.
    pub(super) fn of(process: u32) -> Option<Executable> {
        let link = format!("/proc/{process}/exe");
        let (path, file) = (read_link(&link).ok()?, metadata(&link).ok()?);
        Some(Executable {
            path: path.to_string_lossy().into_owned(),
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified_s: file.mtime(),
            modified_ns: file.mtime_nsec(),
        })
    }

    fn identity(&self) -> (u64, u64, u64, i64, i64) {
        (self.device, self.inode, self.bytes, self.modified_s, self.modified_ns)
    }
}

/// Another name of the same file is the same.
impl PartialEq for Executable {
    fn eq(&self, other: &Executable) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Executable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_the_file_that_it_was_started_from() {
        let (own, file) = (Executable::of(std::process::id()).unwrap(), std::env::current_exe().unwrap());
        assert_eq!((own.path.as_str(), own.bytes), (file.to_str().unwrap(), metadata(&file).unwrap().len()));
        assert_eq!(own, Executable { path: "another name".into(), ..own.clone() });
        assert_ne!(own, Executable { modified_ns: own.modified_ns + 1, ..own.clone() });
        assert!(Executable::of(u32::MAX).is_none());
    }
}
