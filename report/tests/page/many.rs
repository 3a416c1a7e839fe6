//! A hundred machines on one page.

use std::path::PathBuf;

use ipcmark_report::load::{Loaded, Origin, Source};
use ipcmark_report::made_up::Run;

use crate::browser::{self, Browser};

/// What a page of a hundred machines with five hundred cells each may have, in bytes.
const MOST_BYTES: usize = 15 << 20;
const MACHINES: usize = 100;
/// So many are made up; the others are these, slower: it is the digits that take room.
const DIFFERENT: usize = 7;

fn hundred() -> Loaded {
    let made: Vec<_> = (0..DIFFERENT).map(|machine| Run { machine, ..Run::default() }.record()).collect();
    let source = |machine: usize| {
        let mut record = made[machine % DIFFERENT].clone();
        let slower = 1.0 + (machine / DIFFERENT) as f64 / 7.0;
        for cell in &mut record.cells {
            cell.estimate_ns = cell.estimate_ns.map(|ns| ns * slower);
            cell.interval_ns = cell.interval_ns.map(|ends| ends.map(|ns| ns * slower));
        }
        let path = PathBuf::from(format!("results/machine-{machine:03}/2026-01-31-0a1b2c3.jsonl"));
        Source { path, digest: format!("{machine:064x}"), origin: Origin::Record, record }
    };
    Loaded { sources: (0..MACHINES).map(source).collect(), problems: Vec::new() }
}

#[test]
fn a_hundred_machines_make_a_page_that_a_browser_takes() {
    let page = ipcmark_report::page::render(&hundred());
    eprintln!("{} bytes", page.len());
    assert!(page.len() < MOST_BYTES, "{} bytes", page.len());
    let Some(program) = browser::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    std::fs::write(&path, page).unwrap();
    let mut browser = Browser::start(&program);
    browser.window(1400, 1000, "light");
    browser.call("Performance.enable", serde_json::json!({"timeDomain": "threadTicks"}));
    browser.open(&path);
    let timing = browser.eval("performance.getEntriesByType('navigation')[0].domInteractive");
    let loaded = browser.eval("performance.getEntriesByType('navigation')[0].loadEventEnd");
    eprintln!("{}", browser.call("Performance.getMetrics", serde_json::json!({})));
    eprintln!("interactive after {timing} ms, loaded after {loaded} ms");
    assert_eq!(browser.eval("document.documentElement.dataset.ready"), "yes");
    // A number of a machine that is not drawn has its card and its anchor, too.
    browser.eval("document.getElementById('n99.3.ratio').click()");
    assert_eq!(browser.eval("document.querySelector('#card').hidden"), false);
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}
