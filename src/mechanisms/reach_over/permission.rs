//! Whether one process may reach into another: what ptrace(2) calls `PTRACE_MODE_ATTACH_REALCREDS`.

use std::io::{self, Read, Write};

use ipcmark_harness::sys::{process, tracing};
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid, pipe2};

use crate::mechanism::Support;

/// What each end calls in its own process before the other may reach in.
pub(super) fn grant() {
    tracing::let_others_trace();
}

/// Has a forked child `reach` into this process, the direction that Yama forbids by default, and says why it could not.
pub(super) fn tried_by_child(reach: impl FnOnce(Pid) -> io::Result<()>) -> Support {
    match refusal(reach) {
        Ok(None) => Support::Available,
        Ok(Some(why)) => Support::Missing(why),
        Err(error) => Support::Missing(error.to_string()),
    }
}

fn refusal(reach: impl FnOnce(Pid) -> io::Result<()>) -> io::Result<Option<String>> {
    grant();
    let parent = getpid();
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let mut writer = Some(std::fs::File::from(writer));
    let child = process::fork(|| {
        let why = reach(parent).err().map(explained).unwrap_or_default();
        writer.as_mut().map_or(1, |writer| writer.write_all(why.as_bytes()).map_or(1, |()| 0))
    })?;
    drop(writer);
    let mut why = String::new();
    std::fs::File::from(reader).read_to_string(&mut why)?;
    let ended = waitpid(child, None)?;
    match why.is_empty() {
        true if ended == nix::sys::wait::WaitStatus::Exited(child, 0) => Ok(None),
        true => Err(io::Error::other(format!("a child that was to try it ended: {ended:?}"))),
        false => Ok(Some(why)),
    }
}

fn explained(error: io::Error) -> String {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return error.to_string();
    }
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let scope = scope.map_or_else(|_| "not there".into(), |scope| scope.trim().to_owned());
    format!(
        "{error}; kernel.yama.ptrace_scope is {scope} (0 and 1 allow it), or a container's seccomp filter refuses it"
    )
}
