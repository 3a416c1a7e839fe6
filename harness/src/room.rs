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

/// The group that limits memory: of version 1 where the `memory` controller is there, else of version 2 (cgroups(7)). A
/// container may see its path as on the host but only its own part of the tree, so levels that are not there are passed over.
fn control_groups(root: &Root, bytes: u64) -> Result<(), String> {
    let text = root.read(CGROUP).unwrap_or_default();
    let groups = || text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let version_1 = groups().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"));
    let (mount, limit, rows, path) = match (version_1, groups().find(|(controllers, _)| controllers.is_empty())) {
        (Some((_, path)), _) => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", ["total_rss", "total_shmem"], path),
        (None, Some((_, path))) => ("/sys/fs/cgroup", "memory.max", ["anon", "shmem"], path),
        (None, None) => return Ok(()),
    };
    let mut path = path.trim_end_matches('/');
    loop {
        // `max` is no number, and means no limit.
        if let Ok(most) = root.read_number(&format!("{mount}{path}/{limit}")) {
            // What is used besides is mostly cached files, which give way.
            let stat = root.read(&format!("{mount}{path}/memory.stat")).unwrap_or_default();
            let row =
                |name| stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok());
            let taken: u64 = rows.into_iter().filter_map(row).sum();
            if taken.saturating_add(bytes) > most {
                return Err(format!(
                    "{limit} of the control group allows {most} bytes, {taken} are taken and {bytes} more are needed; \
                     raise {mount}{path}/{limit}"
                ));
            }
        }
        let Some((parent, _)) = path.rsplit_once('/') else { return Ok(()) };
        path = parent;
    }
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
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A machine that has these files.
    fn machine(files: &[(&str, &str)]) -> (TempDir, Root) {
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
