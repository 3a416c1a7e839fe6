//! Whether a message is still there when its writer has been killed.

use std::io;
use std::time::Instant;

use ipcmark_harness::parties::PeerKind;
use ipcmark_harness::sys::process;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::ends::{PATIENCE, SMALL_BYTES, message, received, setup};
use crate::mechanism::Setup;
use crate::shapes::erased::TransportKind;

/// A child sends a message and is killed; then the message is there.
pub(super) fn outlives_writer(kind: &TransportKind) -> io::Result<bool> {
    let (near, far) = (kind.pair)(&Setup { peer: PeerKind::Process, ..setup(kind.waitings, SMALL_BYTES) })?;
    let sent = message(SMALL_BYTES);
    let (await_settled, settled) = io::pipe()?;
    let mut ends = Some((near, far, settled));
    let child = process::fork(|| {
        let Some((near, mut far, settled)) = ends.take() else { return 1 };
        drop((near, settled));
        // Ended by the other process, which closes its end once it has settled, too.
        let both_settled = far.settle().and_then(|()| io::copy(&mut &await_settled, &mut io::sink()));
        if both_settled.and_then(|_| far.send(&sent)).is_ok() {
            let _ = raise(Signal::SIGKILL);
        }
        1
    })?;
    let Some((mut near, far, settled)) = ends else { return Ok(false) };
    drop(far);
    let done = near.settle();
    drop(settled);
    await_death(child)?;
    done?;
    Ok(matches!(received(near, SMALL_BYTES, PATIENCE), Some(Ok(got)) if got == sent))
}

/// Waits for the child; one that is held up in sending is killed there.
fn await_death(child: Pid) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while waitpid(child, Some(WaitPidFlag::WNOHANG))? == WaitStatus::StillAlive {
        if Instant::now() > deadline {
            process::end_child(child);
            return Ok(());
        }
        ipcmark_harness::sys::sleep(PATIENCE / 100);
    }
    Ok(())
}
