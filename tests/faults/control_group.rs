//! Control groups of the tests' own, of either version: cgroups(7).

use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::skip;
use crate::confined::Step;
use crate::live_run::eventually;

/// A control group of the test's own.
pub(crate) struct Group(PathBuf);

impl Group {
    /// None where the machine's groups are not ours to change, and then standard error says so.
    pub(crate) fn new(controller: &str) -> Option<Group> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("ipcmark-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        // A line is `number:controllers:path`; version 2 names no controllers, and has all of them in one tree.
        let folder = |line: &str| match line.splitn(3, ':').collect::<Vec<_>>()[..] {
            [_, "", path] => Some(Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'))),
            [_, controllers, path] if controllers.split(',').any(|one| one == controller) => {
                Some(Path::new("/sys/fs/cgroup").join(controller).join(path.trim_start_matches('/')))
            }
            _ => None,
        };
        let mut why = "no control group".to_owned();
        for parent in own.lines().filter_map(folder) {
            let group = parent.join(&name);
            if let Err(error) = std::fs::create_dir(&group) {
                why = format!("{}: {error}", group.display());
                continue;
            }
            let group = Group(group);
            if group.has(controller) {
                return Some(group);
            }
            why = format!("{} has no controller {controller}", parent.display());
        }
        skip(format_args!("{controller}: {why}"));
        None
    }

    fn has(&self, controller: &str) -> bool {
        let files = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let of_it = format!("{controller}.");
        files.filter_map(|file| file.file_name().into_string().ok()).any(|file| file.starts_with(&of_it))
    }

    /// Sets the first of these files that there is.
    pub(crate) fn set(&self, settings: &[(&str, &str)]) {
        self.try_to_set(settings).unwrap();
    }

    /// As `set`, where the kernel may refuse.
    pub(crate) fn try_to_set(&self, settings: &[(&str, &str)]) -> io::Result<()> {
        let (file, value) = settings.iter().find(|(file, _)| self.0.join(file).exists()).unwrap();
        std::fs::write(self.0.join(file), value)
    }

    /// Moves the new process there.
    pub(crate) fn join(&self) -> Step {
        let procs = self.0.join("cgroup.procs");
        Step::Set(CString::new(procs.to_str().unwrap()).unwrap(), "0".into())
    }
}

impl Drop for Group {
    /// A zombie is in it until it has been waited for.
    fn drop(&mut self) {
        eventually("an empty control group", || std::fs::remove_dir(&self.0).ok());
    }
}
