//! Whether the kernel's OOM killer ended a process of this control group: SIGKILL does not say who sent it, a counter does.
//!
//! It is raised before the signal is sent (`__oom_kill_process` in mm/oom_kill.c), so whoever sees the death sees the count.

use std::fs;

use crate::machine::Root;
use crate::room::memory_groups;

/// Of a machine on which no control group counts.
const VMSTAT: &str = "/proc/vmstat";

/// How often it has killed so far, and where that was read.
pub(crate) struct OomKills {
    file: String,
    count: u64,
}

impl OomKills {
    /// None where the kernel does not say: before 4.13, or where /proc is hidden.
    pub(crate) fn so_far(root: &Root) -> Option<OomKills> {
        // The nearest group is that of the workers, too; in version 1 it counts for itself alone.
        let groups = memory_groups(root).into_iter().map(|group| group.events());
        groups.chain([VMSTAT.into()]).find_map(|file| count(root, &file).map(|count| OomKills { file, count }))
    }

    /// What to say of a process that was killed since; none if the killer was not at work.
    pub(crate) fn since(&self, root: &Root) -> Option<String> {
        let now = count(root, &self.file)?;
        if now <= self.count {
            return None;
        }
        let limit = tightest(root)
            .map_or("no control group limits it: the machine has no more memory".into(), |limit| {
                format!("{} allows {} bytes: raise it", limit.0, limit.1)
            });
        Some(format!(
            "the kernel's OOM killer was at work meanwhile (oom_kill in {} went from {} to {now}), {limit}",
            self.file, self.count
        ))
    }
}

/// The least of the limits on the way to the root, with its file.
fn tightest(root: &Root) -> Option<(String, u64)> {
    let limits = memory_groups(root).into_iter().filter_map(|group| Some((group.limit(), group.most_bytes(root)?)));
    limits.min_by_key(|limit| limit.1)
}

fn count(root: &Root, file: &str) -> Option<u64> {
    root.read(file).ok()?.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Has the kernel choose this process and what it starts, when it must choose, and not the front end, which keeps the record.
/// Anyone may make oneself more likely to be chosen; where it is refused, the largest is.
pub(crate) fn choose_this_process_first() {
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::tests::machine;

    const GROUPS: (&str, &str) = ("proc/self/cgroup", "0::/a/b\n");

    #[test]
    fn a_kill_names_the_counter_and_the_tightest_limit() {
        let (folder, root) = machine(&[
            GROUPS,
            ("sys/fs/cgroup/a/b/memory.events", "oom 3\noom_kill 1\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.max", "4096\n"),
        ]);
        let before = OomKills::so_far(&root).unwrap();
        assert_eq!(before.since(&root), None);
        fs::write(folder.path().join("sys/fs/cgroup/a/b/memory.events"), "oom 4\noom_kill 2\n").unwrap();
        let why = before.since(&root).unwrap();
        assert!(why.contains("/sys/fs/cgroup/a/b/memory.events went from 1 to 2"), "{why}");
        assert!(why.contains("/sys/fs/cgroup/a/memory.max allows 4096 bytes"), "{why}");
    }

    #[test]
    fn in_version_1_another_file_counts() {
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
        let first =
            [("proc/self/cgroup", "4:memory:/a\n0::/\n"), ("sys/fs/cgroup/memory/a/memory.oom_control", control)];
        assert_eq!(OomKills::so_far(&machine(&first).1).unwrap().count, 5);
    }

    #[test]
    fn without_a_group_that_counts_the_machine_does() {
        let (folder, root) =
            machine(&[("proc/self/cgroup", "0::/\n"), ("proc/vmstat", "nr_free_pages 7\noom_kill 0\n")]);
        let before = OomKills::so_far(&root).unwrap();
        fs::write(folder.path().join("proc/vmstat"), "nr_free_pages 7\noom_kill 1\n").unwrap();
        assert!(before.since(&root).unwrap().contains("the machine has no more memory"));
        assert!(OomKills::so_far(&machine(&[]).1).is_none());
    }
}
