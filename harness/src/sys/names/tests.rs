//! What has a name is found and removed, of its owner only, and no folder is taken for one that it is not.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use nix::mqueue::{MQ_OFlag, MqAttr, mq_close, mq_open};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;
use crate::sys::sysv_sweep::{Kind, tests::create};

fn skip(why: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Names whose lease is in a folder of the test's own.
fn names_in(place: &Path) -> Names {
    let lease = place.join(format!("ipcmark-{:016x}", draw_token()));
    Names::new(Drawn { token: draw_token(), leases: vec![lease.to_str().unwrap().into()] })
}

/// Makes one thing of each kind that this machine has, and says what a sweep should call them.
fn plant(names: &Names) -> BTreeSet<String> {
    let mut planted = BTreeSet::new();
    let mut made = |what: String, made: Result<(), String>| match made {
        Ok(()) => _ = planted.insert(what),
        Err(why) => skip(format_args!("{what}: {why}")),
    };
    let queue = format!("/{}", names.name());
    let flags = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDONLY;
    let opened = mq_open(queue.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR, Some(&MqAttr::new(0, 1, 8, 0)));
    let opened = opened.and_then(mq_close);
    made(format!("message queue {queue}"), opened.map_err(|errno| errno.to_string()));
    for prefix in ["", "sem."] {
        let path = format!("/dev/shm/{prefix}{}", names.name());
        made(path.clone(), fs::write(&path, "").map_err(|error| error.to_string()));
    }
    for folder in [names.lease(), names.disk()] {
        let path = folder.map(|folder| folder.path().join(names.name()));
        let fifo = path.as_ref().map_err(ToString::to_string);
        let fifo = fifo.and_then(|path| mkfifo(path, Mode::S_IRWXU).map_err(|errno| errno.to_string()));
        made(path.map_or_else(|_| "a FIFO".into(), |path| path.display().to_string()), fifo);
    }
    if let Ok(lease) = names.lease() {
        let tree = lease.path().join(names.name());
        // More than one call reads of a folder.
        let mut files = (0..100).map(|n| tree.join(format!("a/b/{n:050}"))).chain([tree.join("c")]);
        let planted = files.try_for_each(|file| {
            file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, "not empty"))
        });
        made(tree.display().to_string(), planted.map_err(|error| error.to_string()));
    }
    for kind in Kind::ALL {
        let key = sweep::key(names.drawn.token, names.number());
        let object = create(kind, key, 0o600).map(drop).map_err(|error| error.to_string());
        made(format!("System V {} with key {key:#010x}", kind.name()), object);
    }
    planted.extend([&names.lease, &names.disk].into_iter().filter_map(present).map(|f| f.path().display().to_string()));
    planted
}

fn found_by(names: &Names, how: How) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (lease, disk) = (present(&names.lease), present(&names.disk));
    let leavings = Leavings { token: names.drawn.token, names: NAMES_PER_WORKER, lease, disk };
    leavings.sweep(how, &mut |thing| _ = found.insert(thing.to_string())).unwrap();
    found
}

#[test]
fn looking_finds_everything_of_a_token_and_removing_leaves_nothing() {
    let place = TempDir::new().unwrap();
    let (names, other) = (names_in(place.path()), names_in(place.path()));
    let (planted, of_others) = (plant(&names), plant(&other));
    assert!(planted.len() > 3, "{planted:?}");
    assert_eq!(found_by(&names, How::Look), planted);
    assert_eq!(found_by(&names, How::Remove), planted);
    assert_eq!(found_by(&other, How::Look), of_others);
    other.leave();
    names.leave();
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // What is gone is not found again.
    let leavings = Leavings { token: names.drawn.token, names: NAMES_PER_WORKER, lease: None, disk: None };
    leavings.sweep(How::Look, &mut |thing| panic!("{thing} is left")).unwrap();
}

#[test]
fn the_front_end_removes_all_that_a_dead_worker_left() {
    let place = TempDir::new().unwrap();
    let names = names_in(place.path());
    plant(&names);
    names.drawn.sweep();
    assert_eq!(found_by(&Names::new(names.drawn.clone()), How::Look), BTreeSet::new());
    assert!(present(&names.disk).is_none_or(|disk| !disk.path().exists()));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_lease_is_there_before_the_first_name_and_not_without_one() {
    let place = TempDir::new().unwrap();
    let names = names_in(place.path());
    names.leave();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    names.name();
    let lease = Path::new(&names.drawn.leases[0]);
    let owner = Owner::of(&Folder::open(lease).unwrap()).unwrap();
    assert_eq!((owner.process, owner.token), (getpid().as_raw(), names.drawn.token));
    names.leave();
    assert!(!lease.exists());
}

#[test]
fn a_forked_peer_removes_nothing_of_its_worker() {
    let place = TempDir::new().unwrap();
    let names = Names { process: Pid::from_raw(1), ..names_in(place.path()) };
    names.name();
    names.leave();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn the_second_place_is_taken_where_the_first_cannot_be() {
    let place = TempDir::new().unwrap();
    let mut names = names_in(place.path());
    names.drawn.leases.insert(0, "/proc/ipcmark-0000000000000000".into());
    assert!(names.lease().unwrap().path().starts_with(place.path()));
    names.leave();
}

#[test]
fn without_any_place_names_are_given_out_and_paths_are_refused_with_the_reasons() {
    let mut names = names_in(Path::new("/proc"));
    names.drawn.leases.push("/proc/self/ipcmark-0000000000000000".into());
    assert!(names.name().starts_with("ipcmark-"));
    let why = names.lease().unwrap_err().to_string();
    assert!(why.contains("/proc/ipcmark-") && why.contains("/proc/self/ipcmark-"), "{why}");
    assert_eq!(names.disk().unwrap_err().to_string(), why);
}

#[test]
#[should_panic(expected = "128 kernel objects")]
fn more_names_than_a_sweep_tries_are_not_given_out() {
    let names = names_in(Path::new("/proc"));
    (0..=NAMES_PER_WORKER).for_each(|_| drop(names.name()));
}

#[test]
fn keys_are_never_private_and_differ_by_token_and_number() {
    let keys: BTreeSet<i32> = (1..100).flat_map(|token| (0..128).map(move |n| sweep::key(token, n))).collect();
    assert_eq!(keys.len(), 99 * 128, "keys collide");
    assert!(!keys.contains(&libc::IPC_PRIVATE));
}

#[test]
fn a_file_system_in_memory_is_no_disk() {
    let place = TempDir::new().unwrap();
    let names = names_in(place.path());
    let owner = Owner::of_this_process(1).unwrap();
    let on_disk = owner.make_on_disk(Path::new("/dev/shm"), names.lease().unwrap());
    let why = on_disk.unwrap_err();
    assert!(why.contains("/dev/shm") && why.contains("memory"), "{why}");
    names.leave();
}

#[test]
fn a_folder_is_not_taken_through_a_link_nor_with_another_mode_nor_where_something_is() {
    let place = TempDir::new().unwrap();
    let [real, link, open, file] = ["real", "link", "open", "file"].map(|name| place.path().join(name));
    Folder::make(&real).unwrap();
    symlink(&real, &link).unwrap();
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(&file, "").unwrap();
    let refused = |path: &Path, word: &str| {
        let why = Folder::open(path).unwrap_err();
        assert!(why.contains(word), "{why}");
        assert!(Folder::make(path).unwrap_err().contains("EEXIST"));
    };
    refused(&link, "symbolic link");
    refused(&open, "mode 0777");
    refused(&file, "no folder");
}

#[test]
fn a_folder_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return skip("giving a folder away needs root");
    }
    let place = TempDir::new().unwrap();
    let path = place.path().join("given");
    Folder::make(&path).unwrap();
    nix::unistd::chown(&path, Some(65534.into()), None).unwrap();
    assert!(Folder::open(&path).unwrap_err().contains("user 65534"));
}

/// The one lease in `place`.
fn judged(place: &Path) -> Lease {
    let mut leases = left::leases_in(place, &Owner::of_this_process(0).unwrap());
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

#[test]
fn a_lease_is_live_as_long_as_its_owner() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("ipcmark-0123456789abcdef");
    let owner = Owner::of_this_process(1).unwrap();
    let live = owner.make(&path).unwrap();
    let judged_live = judged(place.path());
    assert!(matches!(judged_live.state, State::Live { process, .. } if process == owner.process));
    assert!(judged_live.clean(How::Remove, &mut |thing| panic!("{thing}")).unwrap_err().contains("may live"));
    assert!(live.unlink(OWNER));
    live.remove().unwrap();
    Owner { start_ticks: owner.start_ticks - 1, ..owner }.make(&path).unwrap();
    let dead = judged(place.path());
    assert_eq!(dead.state, State::Dead);
    dead.clean(How::Look, &mut |_| ()).unwrap();
    assert!(path.exists());
    dead.clean(How::Remove, &mut |_| ()).unwrap();
    assert!(!path.exists());
}

#[test]
fn what_does_not_say_whose_it_is_is_left_alone_unless_it_is_empty_and_old() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("ipcmark-0123456789abcdef");
    let folder = Folder::make(&path).unwrap();
    let unclear = |word: &str| match judged(place.path()).state {
        State::Unclear(why) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    };
    unclear("a moment ago");
    folder.put(OWNER, "no owner's line".as_ref()).unwrap();
    unclear("does not say");
    assert!(folder.unlink(OWNER));
    let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::open(&path).unwrap().set_modified(an_hour_ago).unwrap();
    assert_eq!(judged(place.path()).state, State::Dead);
}

#[test]
fn only_folders_with_the_whole_name_of_a_lease_are_looked_at() {
    let place = TempDir::new().unwrap();
    for name in ["ipcmark", "ipcmark-results", "ipcmark-0123456789abcde", "ipcmark-0123456789abcdef-0", "x"] {
        fs::create_dir(place.path().join(name)).unwrap();
    }
    assert!(left::leases_in(place.path(), &Owner::of_this_process(0).unwrap()).is_empty());
}

#[test]
fn a_lease_with_strange_things_in_it_is_said_to_have_them() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("ipcmark-0123456789abcdef");
    let owner = Owner::of_this_process(1).unwrap();
    Owner { start_ticks: owner.start_ticks - 1, ..owner }.make(&path).unwrap();
    fs::write(path.join("diary"), "precious").unwrap();
    let why = judged(place.path()).clean(How::Remove, &mut |thing| panic!("{thing}")).unwrap_err();
    assert!(why.contains("ENOTEMPTY"), "{why}");
    assert_eq!(fs::read_to_string(path.join("diary")).unwrap(), "precious");
}
