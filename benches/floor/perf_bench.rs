//! `perf bench sched pipe` as an arm.

use std::process::Command;

use ipcmark::mechanism::Stage;
use ipcmark_harness::parties::pin;
use nix::sched::{sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Tokens there and back: half a second's worth, of which the first moments are a small part.
const LOOPS: &str = "50000";

/// Whether perf is there and has the benchmark; if not, why.
pub(crate) fn is_there() -> Result<(), String> {
    let tried = Command::new("perf").args(["bench", "sched", "pipe", "-l", "1"]).output();
    match tried {
        Err(error) => Err(format!("perf: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("perf bench sched pipe: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Nanoseconds a hop: half of what perf calls an operation. Both its tasks run where the near end does.
pub(crate) fn hop_ns(options: &[&str], stage: &Stage) -> anyhow::Result<f64> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    pin(&stage.near_cpus)?;
    let output = Command::new("perf").args(["bench", "sched", "pipe", "-l", LOOPS]).args(options).output();
    sched_setaffinity(this, &allowed)?;
    let text = String::from_utf8(output?.stdout)?;
    let line = text.lines().find_map(|line| line.trim().strip_suffix("usecs/op"));
    let us: f64 = line.ok_or_else(|| anyhow::anyhow!("perf said no usecs/op: {text}"))?.trim().parse()?;
    Ok(us * 1e3 / 2.0)
}
