//! Records are strangers' files.

use ipcmark_report::load::load;
use ipcmark_report::made_up::Run;
use serde_json::json;

use crate::fixture::write;

const EVIL: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \" onload=\"alert(3)\" \u{202e}\u{1b}[31m &lt;";

#[test]
fn texts_of_records_stay_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.jsonl");
    let mut record = Run { cells: 400, launches: 2, ..Run::default() }.record();
    record.header.machine.insert("cpu_model_name".into(), json!({"value": EVIL, "source": EVIL}));
    record.header.tags.insert(EVIL.into(), EVIL.into());
    EVIL.clone_into(&mut record.header.started_utc);
    for cell in &mut record.cells {
        cell.mechanism += EVIL;
        cell.family += EVIL;
        cell.notes.push(EVIL.into());
        cell.id += EVIL;
        cell.setup.insert("peer".into(), EVIL.into());
    }
    record.header.selection.cells.clear();
    write(&record, &path);
    let page = ipcmark_report::page::render(&load(&[path]));
    assert!(!page.contains("<img"), "an element came in");
    assert!(!page.contains("<script>alert"), "a script came in");
    assert!(!page.contains("\" onload=\""), "an attribute came in");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "a control character came in");
    assert_eq!(page.matches("</script>").count(), 2, "the data and the script");
}

#[test]
fn histograms_that_cannot_be_read_and_numbers_that_mean_nothing_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.jsonl");
    let mut record = Run { cells: 300, launches: 2, ..Run::default() }.record();
    for (place, cell) in record.cells.iter_mut().enumerate() {
        match place % 4 {
            0 => cell.histogram = Some("AAAA".into()),
            1 => cell.estimate_ns = Some(0.0),
            2 => (cell.estimate_ns, cell.interval_ns) = (Some(1e20), Some([0.0, 1e20])),
            _ => cell.setup.clear(),
        }
    }
    write(&record, &path);
    let page = ipcmark_report::page::render(&load(&[path]));
    assert!(!page.contains("NaN") && !page.contains("inf "), "a number that is none");
    assert!(page.contains("All numbers"));
}
