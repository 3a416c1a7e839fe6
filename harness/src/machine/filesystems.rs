//! The file systems that names of channels live on: shared memory, sockets and FIFOs of the suite.

use super::Root;
use super::key::{Key, Reading};
use serde_json::{Value, json};

const MOUNTS: &str = "/proc/self/mounts";
/// Where `sys::names` makes names: in memory, and on disk.
const PLACES: [&str; 3] = ["/dev/shm", "/dev/mqueue", "/var/tmp"];

pub(super) const KEYS: &[Key] =
    &[Key::by("ipc_filesystems", MOUNTS, "file systems of the places where channels get their names", filesystems)];

/// Of each place the type of the last mount on the way to it: later mounts hide earlier ones.
fn filesystems(root: &Root) -> Reading {
    let text = root.read(MOUNTS)?;
    let mounts: Vec<(&str, &str)> = text.lines().filter_map(mount).collect();
    let holds =
        |point: &str, place: &str| place == point || place.starts_with(&format!("{}/", point.trim_end_matches('/')));
    let kind = |place: &str| {
        let longest = mounts.iter().filter(|(point, _)| holds(point, place)).max_by_key(|(point, _)| point.len())?;
        mounts.iter().rfind(|(point, _)| point == &longest.0).map(|(_, kind)| json!(kind))
    };
    Ok(Value::Object(PLACES.iter().filter_map(|place| Some(((*place).to_owned(), kind(place)?))).collect()))
}

/// Device, mount point, type, options (proc_pid_mounts(5), fstab(5)).
fn mount(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ').skip(1);
    Some((words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_and_last_mount_counts() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("proc/self")).unwrap();
        let mounts = "none / overlay rw 0 0\ntmpfs /dev tmpfs rw 0 0\na /dev/shm ext4 rw 0 0\nb /dev/shm tmpfs rw 0 0\nc /var/tmpx xfs rw 0 0\n";
        std::fs::write(directory.path().join("proc/self/mounts"), mounts).unwrap();
        let found = filesystems(&Root::new(directory.path())).unwrap();
        assert_eq!(found, json!({"/dev/shm": "tmpfs", "/dev/mqueue": "tmpfs", "/var/tmp": "overlay"}));
    }
}
