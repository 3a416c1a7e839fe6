//! A file replaced as a whole: written under another name beside it, then renamed over it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::{open_regular, open_special};

/// The permission bits that a replaced file hands on; not those that let programs run as its owner.
const PERMISSIONS: u32 = 0o777;
/// Names that are tried for the temporary file. They are random: a second one is needed where a process has guessed the first.
const TRIES: usize = 16;

/// The file that would be replaced, open for reading.
pub type Existing = File;

/// Makes `contents` the file's, or leaves everything as it was: readers see the old file or the new one, also after a loss of power.
/// A file that exists keeps its permissions and, as far as the kernel allows, its owner; a new one gets those that the umask leaves.
/// `check` is shown a file that exists, and what it refuses is not replaced. Devices are written to as they are, and so is what the
/// shell has opened (`/dev/stdout`).
///
/// # Errors
/// If the path is a link, a folder, or anything else that is no regular file; if the file may not be written, `check` refuses, the
/// folder takes no file, or the disk is full. The temporary file is removed then.
pub fn replace(path: &Path, contents: &[u8], check: impl FnOnce(&mut Existing) -> io::Result<()>) -> io::Result<()> {
    if let Some(mut special) = open_special(path)? {
        return special.write_all(contents);
    }
    let mut options = OpenOptions::new();
    let existing = match open_regular(path, options.read(true).write(true)) {
        Ok(mut existing) => {
            check(&mut existing)?;
            Some(existing)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let temporary = Temporary::beside(path, existing.is_none())?;
    temporary.fill(contents, existing.as_ref())?;
    temporary.rename_to(path)
}

/// Removed again unless it was renamed.
struct Temporary {
    path: Option<PathBuf>,
    file: File,
}

impl Temporary {
    /// Until it has the permissions of the file that it replaces, only its owner may open it.
    fn beside(path: &Path, is_new: bool) -> io::Result<Temporary> {
        let folder = folder_of(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(if is_new { 0o666 } else { 0o600 });
        for _ in 0..TRIES {
            let path = folder.join(format!(".ipcmark-{:016x}.tmp", fastrand::u64(..)));
            match options.open(&path) {
                Ok(file) => return Ok(Temporary { path: Some(path), file }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(told("a temporary file beside it cannot be created", &error)),
            }
        }
        Err(io::Error::other("every name for a temporary file beside it is taken"))
    }

    fn fill(&self, contents: &[u8], existing: Option<&Existing>) -> io::Result<()> {
        (&self.file).write_all(contents)?;
        if let Some(existing) = existing {
            let metadata = existing.metadata()?;
            // Only root may give files away; for others it is their own already, or becomes so.
            let _ = fchown(&self.file, Some(metadata.uid()), Some(metadata.gid()));
            self.file.set_permissions(Permissions::from_mode(metadata.mode() & PERMISSIONS))?;
        }
        self.file.sync_all()
    }

    fn rename_to(mut self, path: &Path) -> io::Result<()> {
        let Some(temporary) = &self.path else { return Ok(()) };
        fs::rename(temporary, path)?;
        self.path = None;
        // The file is replaced; a folder that cannot be synchronised only may lose that with the power.
        let _ = folder_of(path).and_then(File::open).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

/// The folder that the file is in.
fn folder_of(path: &Path) -> io::Result<&Path> {
    if path.file_name().is_none() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a directory; name a regular file"));
    }
    Ok(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")))
}

fn told(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
