//! Connections made again and again where there are few ports: the cell must not run out of them, nor wait for them.

use ipcmark_harness::record::Outcome;
use nix::sched::CloneFlags;

use crate::confined::{Step, World, set};

const PORTS: u64 = 64;

#[test]
fn connections_do_not_run_out_of_ports_where_each_port_connects_again_before_its_minute_is_over() {
    let few = format!("40000 {}", 40_000 + PORTS - 1);
    // By default a port of loopback may connect again after a second, which is not what is relied on.
    let steps = [
        Step::Unshare(CloneFlags::CLONE_NEWNET),
        Step::LoopbackUp,
        set("net/ipv4/ip_local_port_range", &few),
        set("net/ipv4/tcp_tw_reuse", "0"),
    ];
    let Some(world) = World::new(&steps) else { return };
    let filters = ["connect/*/same-cpu/block/tcp*/1B", "connect/process/same-cache/block/tcp*/1B"];
    let ended = world.ipcmark(
        &[&["run", "--profile", "standard", "--launches", "3", "--out", "record.jsonl"], &filters[..]].concat(),
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let measured: Vec<_> = world.read().cells.into_iter().filter(|cell| cell.outcome == Outcome::Measured).collect();
    let mechanisms: Vec<&str> = measured.iter().map(|cell| cell.mechanism.as_str()).collect();
    assert!(["tcp", "tcp-reset"].iter().all(|name| mechanisms.contains(name)), "{mechanisms:?}");
    for cell in measured.iter().filter(|cell| cell.setup["placement"] == "same-cpu") {
        let each = cell.operations / u64::from(cell.launches);
        assert!(each > 2 * PORTS, "{}: {each} connections in a launch say nothing", cell.id);
    }
}
