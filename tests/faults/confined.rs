//! `ipcmark` in a world where something is withheld from it.
//!
//! A world is a list of steps that a new process takes between fork(2) and execve(2): nobody else notices them, and they
//! end with the process. Where that is permitted, a world begins with System V objects, message queues and a /dev/shm of
//! its own; then what is there must be the same before and after each run, to the inode.
#![allow(unsafe_code)] // `pre_exec`, and calls that nix does not have

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ipcmark_harness::record::Record;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::{Gid, Uid, getegid, geteuid, pipe2, setgid, setgroups, setuid, write};

use crate::common::{Ended, Live, as_a_test, skip};
use crate::live_run::Place;
use crate::seccomp::Refusal;

/// What a new process does to itself. All of it is async-signal-safe.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// unshare(2).
    Unshare(CloneFlags),
    /// A file system of this kind, at this place, with these options.
    Mount(&'static CStr, &'static CStr, &'static CStr),
    /// Writes a text into a file, such as a limit of its namespace.
    Set(CString, String),
    /// Starts the loopback interface.
    LoopbackUp,
    /// Becomes a user who owns nothing and may nothing.
    BecomeStranger,
    /// setrlimit(2), soft and hard.
    Limit(Resource, u64),
    /// A variable of the environment.
    Tell(&'static str, &'static str),
    /// A character device where there is none, of this number.
    Device(&'static CStr, libc::dev_t),
    /// Makes pipes until the user has had fs.pipe-user-pages-soft, and keeps them.
    FillPipes,
    Refuse(Refusal),
}

/// Another user each time, for the kernel counts what a user has. Usual systems have none of these.
pub(crate) fn stranger() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    20_000 + (std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed)) % 40_000
}

/// The file of /proc/sys with this name.
pub(crate) fn set(limit: &str, value: &str) -> Step {
    Step::Set(CString::new(format!("/proc/sys/{limit}")).unwrap(), value.into())
}

impl Step {
    fn take(&self, stranger: u32) -> nix::Result<()> {
        match self {
            Step::Unshare(namespaces) => unshare_from(*namespaces),
            Step::Mount(kind, at, options) => mount(kind, at, 0, options),
            Step::Set(file, text) => write(
                open(file.as_c_str(), OFlag::O_WRONLY | OFlag::O_CREAT, Mode::from_bits_retain(0o644))?,
                text.as_bytes(),
            )
            .map(drop),
            Step::LoopbackUp => loopback_up(),
            Step::BecomeStranger => become_user(stranger),
            Step::Limit(resource, value) => setrlimit(*resource, *value, *value),
            Step::Tell(..) => Ok(()), // told when the command is made
            Step::Device(at, number) => mknod(*at, SFlag::S_IFCHR, Mode::from_bits_retain(0o666), *number),
            Step::FillPipes => fill_pipes(),
            Step::Refuse(refusal) => refusal.install(),
        }
    }

    /// Whether it changes the namespaces that the process is in, and so must not be taken in those of the machine.
    fn changes_namespaces(&self) -> bool {
        matches!(self, Step::Mount(..) | Step::Set(..) | Step::LoopbackUp | Step::Device(..))
    }
}

fn unshare_from(namespaces: CloneFlags) -> nix::Result<()> {
    unshare(namespaces)?;
    if namespaces.contains(CloneFlags::CLONE_NEWNS) {
        mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE, c"")?;
    }
    Ok(())
}

fn mount(kind: &CStr, at: &CStr, flags: libc::c_ulong, options: &CStr) -> nix::Result<()> {
    // SAFETY: all are strings that end with a NUL, and outlive the call.
    let done = unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) };
    Errno::result(done).map(drop)
}

fn loopback_up() -> nix::Result<()> {
    use std::os::fd::AsRawFd;
    let any = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zeroes are a valid request; netdevice(7) reads its name and its flags, and both are set.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        Errno::result(libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &request)).map(drop)
    }
}

pub(crate) fn become_user(id: u32) -> nix::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(id))?;
    setuid(Uid::from_raw(id))
}

/// The pipes are inherited: they are open as long as the program and its workers live.
fn fill_pipes() -> nix::Result<()> {
    // Four times what the default of 16384 pages has room for.
    for _ in 0..256 {
        let (reader, writer) = pipe2(OFlag::empty())?;
        match fcntl(&writer, FcntlArg::F_SETPIPE_SZ(1 << 20)) {
            Ok(_) => std::mem::forget(reader),
            Err(Errno::EPERM) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ENOTSUP)
}

/// A place, and the steps into a world.
pub(crate) struct World {
    place: Place,
    steps: Vec<Step>,
    private: bool,
    stranger: u32,
}

impl World {
    /// None where it is not permitted, and then standard error says so.
    pub(crate) fn new(steps: &[Step]) -> Option<World> {
        let as_stranger = steps.iter().any(|step| matches!(step, Step::BecomeStranger));
        if as_stranger && !geteuid().is_root() {
            skip("only root can become another user, whose limits are not those of other tests");
            return None;
        }
        let (place, stranger) = (Place::new(), stranger());
        for folder in ["queues", "other"] {
            std::fs::create_dir(place.path().join(folder)).unwrap();
        }
        if as_stranger {
            chown(place.path(), Some(stranger), Some(stranger)).unwrap();
        }
        let alone = World { place, steps: [&private()[..], steps].concat(), private: true, stranger };
        match alone.try_out() {
            Ok(()) => Some(alone),
            Err(_) if !steps.iter().any(Step::changes_namespaces) => {
                let among_others = World { steps: steps.to_vec(), private: false, ..alone };
                among_others.try_out().map_err(skip).ok().map(|()| among_others)
            }
            Err(why) => {
                skip(why);
                None
            }
        }
    }

    /// Whether its objects are of its own.
    pub(crate) fn is_private(&self) -> bool {
        self.private
    }

    /// Whether all steps can be taken, and the program be started then; else why not.
    fn try_out(&self) -> Result<(), String> {
        let program = env!("CARGO_BIN_EXE_ipcmark");
        let mut test = Command::new("test");
        let refused = |error: io::Error| {
            let code = error.raw_os_error().unwrap();
            let (step, errno) = (code >> STEP_SHIFT, Errno::from_raw(code & ((1 << STEP_SHIFT) - 1)));
            format!("{:?}: {errno}", self.steps[step as usize])
        };
        let status = self.enter(test.args(["-x", program])).stdin(Stdio::null()).status().map_err(refused)?;
        if status.success() { Ok(()) } else { Err(format!("a user without rights cannot start {program}")) }
    }

    fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let (steps, stranger) = (self.steps.clone(), self.stranger);
        let take_all = move || {
            for (number, step) in steps.iter().enumerate() {
                // The parent is told one integer: it has room for both.
                let told = |errno| io::Error::from_raw_os_error((number as i32) << STEP_SHIFT | errno as i32);
                step.take(stranger).map_err(told)?;
            }
            Ok(())
        };
        for step in &self.steps {
            if let Step::Tell(variable, value) = step {
                command.env(variable, value);
            }
        }
        // SAFETY: steps are async-signal-safe, and nothing is allocated: the error is an integer.
        unsafe { command.current_dir(self.place.path()).pre_exec(take_all) }
    }

    /// What a run there has recorded, as `record.jsonl`.
    pub(crate) fn read(&self) -> Record {
        self.place.read()
    }

    /// Runs `ipcmark` to its end.
    ///
    /// # Panics
    /// When a process or an object of it is left, or an object of somebody else is touched.
    #[track_caller]
    pub(crate) fn ipcmark(&self, args: &[&str]) -> Ended {
        self.ipcmark_between(":", ":", args)
    }

    /// As `ipcmark`, after these shell commands.
    #[track_caller]
    pub(crate) fn ipcmark_after(&self, commands: &str, args: &[&str]) -> Ended {
        self.ipcmark_between(commands, ":", args)
    }

    /// As `ipcmark`, before these shell commands.
    #[track_caller]
    pub(crate) fn ipcmark_before(&self, commands: &str, args: &[&str]) -> Ended {
        self.ipcmark_between(":", commands, args)
    }

    #[track_caller]
    fn ipcmark_between(&self, before: &str, after: &str, args: &[&str]) -> Ended {
        let ended = self.ipcmark_unchecked(before, after, args);
        if !self.private {
            self.place.assert_nothing_left();
        } else {
            self.place.assert_no_process_left();
            let [before, after] = ["before", "after"].map(|name| self.listed(name));
            assert_eq!(before, after, "objects are left, gone or touched");
        }
        ended
    }

    /// As `ipcmark`, whatever it leaves.
    #[track_caller]
    pub(crate) fn ipcmark_unchecked(&self, before: &str, after: &str, args: &[&str]) -> Ended {
        let script = SCRIPT.replace("BEFORE", before).replace("AFTER", after);
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_ipcmark")]).args(as_a_test(args));
        self.enter(&mut shell);
        Live::start(shell).unwrap().end()
    }

    /// The objects that were there `before` the run, or `after`.
    pub(crate) fn listed(&self, when: &str) -> String {
        std::fs::read_to_string(self.place.path().join(when)).unwrap()
    }

    /// Starts `ipcmark`, and nothing else.
    pub(crate) fn start(&self, args: &[&str]) -> Live {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipcmark"));
        self.enter(command.args(as_a_test(args)));
        Live::start(command).unwrap()
    }

    /// Where it runs.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

/// Above every errno.
const STEP_SHIFT: u32 = 12;

/// A program that hangs is killed before the test that waits for the shell gives up. Redirecting a function, the shell would
/// put its own output aside by fcntl(2), which may be refused to it; a subshell needs not.
const SCRIPT: &str = r#"
look() { ls -liAR /dev/shm queues; cat /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm; }
BEFORE || exit 99
(look) >before 2>&1
timeout --foreground -s KILL 100 "$0" "$@"
code=$?
(look) >after 2>&1
AFTER
exit $code"#;

/// Objects of its own.
fn private() -> Vec<Step> {
    let namespaces = CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS;
    let objects = [tmpfs(c""), Step::Mount(c"mqueue", c"queues", c"")];
    let mut steps = if geteuid().is_root() { Vec::new() } else { own_users() };
    steps.push(Step::Unshare(namespaces));
    steps.extend(objects);
    steps
}

/// A user namespace in which there is one user, its root.
pub(crate) fn own_users() -> Vec<Step> {
    let text = |file: &str, text: String| Step::Set(CString::new(format!("/proc/self/{file}")).unwrap(), text);
    vec![
        Step::Unshare(CloneFlags::CLONE_NEWUSER),
        text("setgroups", "deny".into()),
        text("uid_map", format!("0 {} 1", geteuid())),
        text("gid_map", format!("0 {} 1", getegid())),
    ]
}

/// The device that is at this place, after a file system has been mounted over it.
pub(crate) fn device(at: &'static CStr) -> Step {
    Step::Device(at, std::fs::metadata(at.to_str().unwrap()).unwrap().rdev())
}

/// Another /dev/shm.
pub(crate) fn tmpfs(options: &'static CStr) -> Step {
    Step::Mount(c"tmpfs", c"/dev/shm", options)
}
