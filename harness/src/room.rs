//! Whether there is room for so much memory: what limits it, found out before it is asked for.
//!
//! Memory that is mapped and then touched beyond a limit is not refused: the process is killed, or the machine swaps.

use crate::machine::{Root, meminfo_bytes};

const LIMITS: &str = "/proc/self/limits";
const STATUS: &str = "/proc/self/status";
const CGROUP: &str = "/proc/self/cgroup";

/// Whether this process may have `bytes` more, or which limit is in the way: RLIMIT_AS, the memory of a control group on the
/// way to the root, or half of what the machine has available, the other half being for others.
pub fn room_for(root: &Root, bytes: u64) -> Result<(), String> {
    address_space(root, bytes)?;
    control_groups(root, bytes)?;
    available(root, bytes)
}

/// Kernels and containers that hide one of the files set no limit that could be named.
fn address_space(root: &Root, bytes: u64) -> Result<(), String> {
    let limits = root.read(LIMITS).unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"));
    let Some(limit) = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()) else { return Ok(()) };
    let status = root.read(STATUS).unwrap_or_default();
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse().ok());
    let mapped = mapped.unwrap_or(0_u64) * 1024;
    if mapped.saturating_add(bytes) <= limit {
        return Ok(());
    }
    Err(format!(
        "RLIMIT_AS allows {limit} bytes of address space, {mapped} are taken and {bytes} more are needed; raise it with \
         `ulimit -v`"
    ))
}

/// A control group that may limit memory.
pub(crate) struct MemoryGroup {
    folder: String,
    is_version_1: bool,
}

impl MemoryGroup {
    /// The file of its limit.
    pub(crate) fn limit(&self) -> String {
        format!("{}/{}", self.folder, if self.is_version_1 { "memory.limit_in_bytes" } else { "memory.max" })
    }

    /// The file that counts what the OOM killer did.
    pub(crate) fn events(&self) -> String {
        format!("{}/{}", self.folder, if self.is_version_1 { "memory.oom_control" } else { "memory.events" })
    }

    /// What it allows. `max` is no number, and means no limit; version 1 has the greatest number of whole pages for that.
    pub(crate) fn most_bytes(&self, root: &Root) -> Option<u64> {
        root.read_number(&self.limit()).ok().filter(|&most| most < i64::MAX as u64 >> 16 << 16)
    }

    /// What is taken. What is used besides is mostly cached files, which give way.
    fn taken_bytes(&self, root: &Root) -> u64 {
        let rows = if self.is_version_1 { ["total_rss", "total_shmem"] } else { ["anon", "shmem"] };
        let stat = root.read(&format!("{}/memory.stat", self.folder)).unwrap_or_default();
        let row = |name| stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok());
        rows.into_iter().filter_map(row).sum()
    }
}

/// The groups that limit the memory of this process, from its own to the root: of version 1 where the `memory` controller
/// is there, else of version 2 (cgroups(7)). A container may see its path as on the host but only its own part of the tree,
/// so some of them may not be there.
pub(crate) fn memory_groups(root: &Root) -> Vec<MemoryGroup> {
    let text = root.read(CGROUP).unwrap_or_default();
    let groups = || text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let version_1 = groups().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"));
    let version_2 = || groups().find(|(controllers, _)| controllers.is_empty());
    let (mount, is_version_1) =
        if version_1.is_some() { ("/sys/fs/cgroup/memory", true) } else { ("/sys/fs/cgroup", false) };
    let Some((_, path)) = version_1.or_else(version_2) else { return Vec::new() };
    let levels = std::iter::successors(Some(path.trim_end_matches('/')), |path| Some(path.rsplit_once('/')?.0));
    levels.map(|path| MemoryGroup { folder: format!("{mount}{path}"), is_version_1 }).collect()
}

fn control_groups(root: &Root, bytes: u64) -> Result<(), String> {
    for group in memory_groups(root) {
        let (limit, taken) = (group.limit(), group.taken_bytes(root));
        if let Some(most) = group.most_bytes(root).filter(|&most| taken.saturating_add(bytes) > most) {
            return Err(format!(
                "{limit} of the control group allows {most} bytes, {taken} are taken and {bytes} more are needed; raise it"
            ));
        }
    }
    Ok(())
}

fn available(root: &Root, bytes: u64) -> Result<(), String> {
    match meminfo_bytes(root, "MemAvailable") {
        Ok(most) if most / 2 < bytes => Err(format!(
            "/proc/meminfo has MemAvailable of {most} bytes; {bytes} are needed, and as many more are left to others"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A machine that has these files.
    pub(crate) fn machine(files: &[(&str, &str)]) -> (TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let root = Root::new(folder.path());
        (folder, root)
    }

    #[test]
    fn half_of_what_is_available_is_left_to_others() {
        let (_folder, root) = machine(&[("proc/meminfo", "MemTotal: 4096 kB\nMemAvailable:    2048 kB\n")]);
        assert_eq!(room_for(&root, 1 << 20), Ok(()));
        assert!(room_for(&root, (1 << 20) + 1).unwrap_err().contains("MemAvailable of 2097152 bytes"));
    }

    #[test]
    fn an_address_space_that_is_limited_counts_what_is_mapped() {
        let limits = "Limit  Soft  Hard  Units\nMax address space         1048576     unlimited      bytes\n";
        let (_folder, root) = machine(&[("proc/self/limits", limits), ("proc/self/status", "VmSize:\t     512 kB\n")]);
        assert_eq!(room_for(&root, 512 << 10), Ok(()));
        let why = room_for(&root, (512 << 10) + 1).unwrap_err();
        assert!(why.contains("RLIMIT_AS allows 1048576 bytes") && why.contains("524288 are taken"), "{why}");
    }

    #[test]
    fn the_groups_on_the_way_to_the_root_limit_it_in_either_version() {
        let second = [
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.max", "1000\n"),
            ("sys/fs/cgroup/a/memory.stat", "anon 300\nfile 5000\nshmem 100\n"),
        ];
        let first = [
            ("proc/self/cgroup", "4:cpu,memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/a/memory.stat", "rss 1\ntotal_rss 300\ntotal_shmem 100\n"),
        ];
        for (files, limit) in [(&second[..], "memory.max"), (&first[..], "memory.limit_in_bytes")] {
            let (_folder, root) = machine(files);
            assert_eq!(room_for(&root, 600), Ok(()));
            let why = room_for(&root, 601).unwrap_err();
            assert!(why.contains(limit) && why.contains("allows 1000 bytes, 400 are taken"), "{why}");
        }
    }

    #[test]
    fn where_nothing_is_known_nothing_is_in_the_way() {
        let (_folder, root) = machine(&[]);
        assert_eq!(room_for(&root, u64::MAX / 4), Ok(()));
    }
}
