//! What a process and those it has started hold: memory, descriptors, threads. Read from /proc, see proc(5).

use std::fs;
use std::io;
use std::path::Path;

use nix::unistd::{SysconfVar, sysconf};

/// What is held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The processes that were looked at, the first one's own number first.
    pub processes: Vec<u32>,
    /// Their resident memory in all, in bytes; what they share counts for each.
    pub resident_bytes: u64,
    /// Their open descriptors in all.
    pub descriptors: usize,
    /// Their threads in all.
    pub threads: usize,
}

impl Footprint {
    /// Of the process `root`, and of all that descend from it and live.
    ///
    /// # Errors
    /// If `root` is gone, or /proc does not tell. A descendant that ends meanwhile is left out.
    pub fn of(root: u32) -> io::Result<Footprint> {
        let mut all = Footprint::default();
        all.add(root)?;
        let mut seen = 0;
        while let Some(&process) = all.processes.get(seen) {
            seen += 1;
            for child in children(process) {
                let _ = all.add(child);
            }
        }
        Ok(all)
    }

    fn add(&mut self, process: u32) -> io::Result<()> {
        let folder = format!("/proc/{process}");
        let resident = resident_bytes(&folder)?;
        let (descriptors, threads) = (entries(&format!("{folder}/fd"))?, entries(&format!("{folder}/task"))?);
        self.processes.push(process);
        self.resident_bytes += resident;
        self.descriptors += descriptors;
        self.threads += threads;
        Ok(())
    }
}

fn resident_bytes(folder: &str) -> io::Result<u64> {
    let statm = fs::read_to_string(format!("{folder}/statm"))?;
    let pages: Option<u64> = statm.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as u64;
    pages.map(|pages| pages * page).ok_or_else(|| io::Error::other(format!("{folder}/statm holds {statm:?}")))
}

fn entries(folder: &str) -> io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

/// Of all threads: a child belongs to the thread that started it.
fn children(process: u32) -> Vec<u32> {
    let threads =
        fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_and_its_child_are_counted_with_what_they_hold() {
        let mut shell =
            Command::new("sh").args(["-c", "sleep 60 & echo; wait"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0];
        io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut line).unwrap();
        let held = Footprint::of(shell.id()).unwrap();
        for &process in held.processes.iter().skip(1) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(process as i32), nix::sys::signal::Signal::SIGKILL)
                .unwrap();
        }
        shell.wait().unwrap();
        assert_eq!((held.processes.len(), held.processes[0], held.threads), (2, shell.id(), 2));
        assert!(held.resident_bytes >= 4096 && held.descriptors >= 6, "{held:?}");
        assert!(Footprint::of(shell.id()).is_err());
    }

    #[test]
    fn a_file_that_stays_open_is_one_descriptor_more() {
        let own = || Footprint::of(std::process::id()).unwrap();
        let open = || (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect::<Vec<_>>();
        let (before, files) = (own().descriptors, open());
        // Other tests of this process open files too.
        assert!(own().descriptors > before + 25, "{} files are open", files.len());
    }
}
