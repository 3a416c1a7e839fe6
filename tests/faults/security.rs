//! What other users of the machine can see of a run and do to it: nothing that counts.

use std::collections::BTreeSet;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use ipcmark_harness::control::{Command, MAX_MESSAGE_BYTES, Reply};
use ipcmark_harness::sys::names::Drawn;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recvmsg, send, socketpair};
use serde_json::{Value, json};

use crate::common::{assert_sentence, command, ipcmark};
use crate::confined::Step::{LoopbackUp, Mount, Refuse, Unshare};
use crate::confined::World;
use crate::live_run::{Place, Run};
use crate::seccomp::Refusal;

const PIPE: &str = "round-trip/process/same-cpu/block/pipe/64B";
const ALL: [&str; 3] = [
    "round-trip/process/same-cpu/block/*/64B",
    "wake/process/same-cpu/block/*/0B-after-0",
    "connect/process/same-cpu/block/*/1B",
];

/// Where nothing can be removed, everything that ever had a name is left, to be looked at; with a umask that forbids nothing.
#[test]
fn everything_that_has_a_name_is_for_its_owner_only_and_no_name_can_be_guessed() {
    let calls = [
        #[cfg(target_arch = "x86_64")] // later processors have the next one alone
        libc::SYS_unlink,
        libc::SYS_unlinkat,
        libc::SYS_mq_unlink,
        libc::SYS_msgctl,
        libc::SYS_semctl,
        libc::SYS_shmctl,
    ];
    let refusals = calls.map(|call| Refuse(Refusal { call, first: None, errno: Errno::EPERM }));
    let steps = [&[Mount(c"tmpfs", c"/var/tmp", c"")], &refusals[..]].concat();
    let Some(world) = World::new(&steps) else { return };
    if !world.is_private() {
        return crate::common::skip("what is left would be left on this machine");
    }
    let ended = world.ipcmark_unchecked("umask 0", ":", &[&["verify", "--operations", "20"], &ALL[..]].concat());
    assert!(ended.code.is_some() && !ended.err.contains("panicked"), "{ended:?}");
    let left = world.listed("after");
    let mut kinds = BTreeSet::new();
    let mut tokens = BTreeSet::new();
    let mut folder = "";
    for line in left.lines() {
        if let Some(name) = line.strip_suffix(':') {
            folder = name;
        } else if let [_, mode, _, _, _, _, .., name] = line.split_whitespace().collect::<Vec<_>>()[..]
            && mode.len() == 10
        {
            judge_file(folder, mode, name, &mut kinds);
            tokens.extend(token(folder, name));
        } else {
            judge_system_v(line, &mut kinds);
        }
    }
    let expected = ["dev-shm -", "dev-shm d", "folder p", "folder s", "queues -", "System V"];
    let missing: Vec<_> = expected.iter().filter(|kind| !kinds.contains(**kind)).collect();
    assert!(missing.is_empty(), "nothing of these was seen: {missing:?} in {left}");
    // One a worker, and one a lease.
    assert!(tokens.len() > 4 && tokens.iter().all(|token| token.len() == 16), "{tokens:?}");
}

/// What stands in a name for chance.
fn token(folder: &str, name: &str) -> Option<String> {
    let of_a_place = ["/dev/shm", "queues"].contains(&folder);
    let rest = name.strip_prefix("sem.").unwrap_or(name);
    // What the C library makes first, to link it to the name that is asked for.
    let of_the_library = name.starts_with("sem.") && rest.len() == 6;
    (of_a_place && !of_the_library).then(|| {
        let rest = rest.strip_prefix("ipcmark-").unwrap_or_else(|| panic!("{folder}/{name} is not ours"));
        rest.split('-').next().unwrap().to_owned()
    })
}

fn judge_file(folder: &str, mode: &str, name: &str, kinds: &mut BTreeSet<&'static str>) {
    let (kind, rights) = mode.split_at(1);
    let in_the_open = ["/dev/shm", "queues"].contains(&folder);
    let owner_only = &rights[3..] == "------";
    // What is in a folder that nobody else can enter, nobody else can reach: a socket's mode is what the umask leaves.
    assert!(owner_only || !in_the_open, "{folder}/{name} has mode {mode}");
    assert!(in_the_open || kind == "s" || kind == "l" || owner_only, "{folder}/{name} has mode {mode}");
    kinds.insert(match (folder, kind) {
        ("/dev/shm", "-") => "dev-shm -",
        ("/dev/shm", "d") => "dev-shm d",
        ("queues", "-") => "queues -",
        (_, "p") => "folder p",
        (_, "s") => "folder s",
        _ => return,
    });
}

/// A line of /proc/sysvipc: key, id and mode come first.
fn judge_system_v(line: &str, kinds: &mut BTreeSet<&'static str>) {
    if let [key, id, mode, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
        && [key, id].iter().all(|number| number.parse::<i64>().is_ok())
    {
        assert!(mode.ends_with("600") && key != "0", "{line}");
        kinds.insert("System V");
    }
}

/// A worker whose names an attacker knows: the test is its front end.
struct Betrayed {
    worker: Child,
    channel: OwnedFd,
}

impl Betrayed {
    fn start(place: &Place) -> Betrayed {
        let own_number = std::process::id().to_string();
        let (channel, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let mut command = command(place.path(), &["__worker", &own_number]);
        let worker = command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).process_group(0).spawn().unwrap();
        Betrayed { worker, channel }
    }

    fn ask(&self, command: &Command) -> Reply {
        let text = serde_json::to_vec(command).unwrap();
        send(self.channel.as_raw_fd(), &text, MsgFlags::empty()).unwrap();
        let mut bytes = vec![0; MAX_MESSAGE_BYTES];
        let mut buffer = [IoSliceMut::new(&mut bytes)];
        let length = recvmsg::<()>(self.channel.as_raw_fd(), &mut buffer, None, MsgFlags::empty()).unwrap().bytes;
        serde_json::from_slice(&bytes[..length]).unwrap()
    }

    /// Which mechanisms it cannot offer, and why.
    fn missing(mut self, names: &Value) -> Value {
        let names: Drawn = serde_json::from_value(names.clone()).unwrap();
        let Reply::Answer(missing) = self.ask(&Command::Ask { question: json!("support"), names }) else { panic!() };
        assert!(matches!(self.ask(&Command::Quit), Reply::Gone));
        assert!(self.worker.wait().unwrap().success());
        missing
    }
}

impl Drop for Betrayed {
    fn drop(&mut self) {
        let _ = (self.worker.kill(), self.worker.wait());
    }
}

/// Links that are removed again.
#[derive(Default)]
struct Planted(Vec<PathBuf>);

impl Planted {
    fn plant(&mut self, target: &Path, at: PathBuf) {
        symlink(target, &at).unwrap();
        self.0.push(at);
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        self.0.iter().for_each(|link| _ = std::fs::remove_file(link));
    }
}

#[test]
fn links_that_were_planted_under_every_name_are_not_followed() {
    let place = Place::new();
    let [precious, folder] = ["precious", "folder"].map(|name| place.path().join(name));
    std::fs::write(&precious, "precious").unwrap();
    std::fs::create_dir(&folder).unwrap();
    let (token, lease) = (fastrand::u64(..), format!("/dev/shm/ipcmark-{:016x}", fastrand::u64(..)));
    let mut planted = Planted::default();
    for number in 0..128 {
        for prefix in ["", "sem."] {
            planted.plant(&precious, format!("/dev/shm/{prefix}ipcmark-{token:016x}-{number}").into());
        }
    }
    planted.plant(&folder, PathBuf::from(&lease));
    let missing = Betrayed::start(&place).missing(&json!({"token": token, "leases": [lease]}));
    for mechanism in ["shm-ring", "posix-shm-flag", "anon-shm-named-sem", "fifo", "unix-stream-path"] {
        let why = missing[mechanism].as_str().unwrap_or_else(|| panic!("{mechanism} is there: {missing}"));
        assert!(["EEXIST", "already exists"].iter().any(|words| why.contains(words)), "{mechanism}: {why}");
    }
    assert!(missing.get("pipe").is_none(), "{missing}");
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_record_is_not_written_through_a_link() {
    let place = Place::new();
    let precious = place.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    symlink(&precious, place.record()).unwrap();
    let ended = ipcmark(place.path(), &["run", "--launches", "1", "--out", "record.jsonl", PIPE]);
    assert_sentence(&ended, 1, &["record.jsonl exists", "nothing was measured"]);
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
}

#[test]
fn workers_have_no_environment_and_no_privilege_that_measuring_does_not_take() {
    let run = Run::with(&["--profile", "full", "--launches", "40", PIPE], |command| {
        command.env("IPCMARK_TEST_SECRET", "of the front end");
    });
    let launch = run.launch();
    for party in [launch.worker, launch.peer] {
        let environment = std::fs::read_to_string(format!("/proc/{party}/environ")).unwrap();
        let names: Vec<&str> =
            environment.split_terminator('\0').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
        assert_eq!(names, ["IPCMARK_PADDING"]);
        let status = std::fs::read_to_string(format!("/proc/{party}/status")).unwrap();
        let of = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim();
        assert_eq!(of("NoNewPrivs:"), "1");
        for set in ["CapEff:", "CapPrm:"] {
            let held = u64::from_str_radix(of(set), 16).unwrap();
            // CAP_IPC_LOCK, CAP_SYS_NICE, CAP_SYS_RESOURCE and CAP_PERFMON.
            assert_eq!(held & !(1 << 14 | 1 << 23 | 1 << 24 | 1 << 38), 0, "{set} {held:016x}");
        }
        assert_eq!(of("CapInh:"), "0000000000000000");
    }
    run.signal(Signal::SIGINT);
    run.end();
}

/// Adds every local address that a socket of a run has.
fn look_while_it_runs(world: &World, seen: &mut [BTreeSet<String>; 4]) {
    let run = world.start(&[&["verify", "--operations", "20000"], &ALL[..]].concat());
    while std::fs::metadata(format!("/proc/{}/exe", run.pid())).is_ok_and(|_| is_alive(run.pid())) {
        for (kind, seen) in KINDS.iter().zip(&mut *seen) {
            let table = std::fs::read_to_string(format!("/proc/{}/net/{kind}", run.pid())).unwrap_or_default();
            let local = |line: &str| Some(line.split_whitespace().nth(1)?.split_once(':')?.0.to_owned());
            seen.extend(table.lines().skip(1).filter_map(local));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// In a network of its own, where every socket is one of this run.
#[test]
fn no_socket_of_a_network_has_an_address_beyond_loopback() {
    let Some(world) = World::new(&[Unshare(CloneFlags::CLONE_NEWNET), LoopbackUp]) else { return };
    let mut seen: [BTreeSet<String>; 4] = Default::default();
    // On a busy machine a look may come when a cell has come and gone.
    for _ in 0..5 {
        look_while_it_runs(&world, &mut seen);
        if !seen[0].is_empty() && !seen[1].is_empty() {
            break;
        }
    }
    let [tcp, udp, tcp6, udp6] = &seen;
    assert!(!tcp.is_empty() && !udp.is_empty(), "the looks came too late: {seen:?}");
    let loopback = |number: [u8; 16]| {
        number.chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap()))).collect()
    };
    let v6: String = loopback(std::net::Ipv6Addr::LOCALHOST.octets());
    let v4 = format!("{:08X}", u32::from_ne_bytes(std::net::Ipv4Addr::LOCALHOST.octets()));
    assert!(tcp.iter().chain(udp).all(|address| *address == v4), "{seen:?}");
    assert!(tcp6.iter().chain(udp6).all(|address| *address == v6), "{seen:?}");
}

const KINDS: [&str; 4] = ["tcp", "udp", "tcp6", "udp6"];

fn is_alive(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
