//! What the page says beyond its numbers: crossovers, marked where the records have them, and how kinds of task differ.

use ipcmark_harness::record::{Cell, Record};
use ipcmark_report::crossover::{self, Crossover};
use ipcmark_report::task_kinds::{self, Difference};

use crate::fixture;
use crate::in_browser::{showing, strings};

fn record() -> &'static Record {
    &fixture::of(1).loaded.sources[0].record
}

fn cells() -> &'static [Cell] {
    &record().cells
}

/// What is said below the panels of a section.
fn remarks(section: &str) -> String {
    let page = &fixture::of(1).page;
    let from = page.split(&format!("<section class=\"chart\" id=\"{section}\">")).nth(1).unwrap();
    from.split("</section>").next().unwrap().to_owned()
}

#[test]
fn lock_crossovers_are_marked_and_named_as_show_does() {
    let found = crossover::of_locks(&record().header, cells());
    let placed: Vec<&Crossover> = found.iter().filter(|found| found.place().is_some()).collect();
    assert!(placed.iter().any(|found| found.along() == "hold_ns"), "the fixture has none");
    let Some(mut browser) = showing(1) else { return };
    let says = browser.eval("[...document.querySelectorAll('#lock-hold .flag title')].map(t => t.textContent)");
    let says = strings(&says);
    assert!(!says.is_empty());
    for said in says {
        let said = said.split_once(": ").map_or(said, |(_, said)| said);
        assert!(placed.iter().any(|found| found.said() == said), "{said} is none of {placed:?}");
        assert!(remarks("lock-hold").contains(said), "{said} is not said below the panel");
    }
    // The band of the interval is around its line, and both are between the first and the last hold time.
    let wrong = browser.eval(
        "[...document.querySelectorAll('#lock-hold .flag')].filter(flag => { \
            const middle = element => { const at = element.getBoundingClientRect(); return at.left + at.width / 2; }; \
            const marks = [...flag.closest('svg').querySelectorAll('.series [data-v]')].map(middle); \
            const [band, line] = [flag.querySelector('rect').getBoundingClientRect(), middle(flag.querySelector('path'))]; \
            return band.width < 1 || line < band.left - 0.5 || line > band.right + 0.5 \
                || band.left < Math.min(...marks) - 0.5 || band.right > Math.max(...marks) + 8; }).length",
    );
    assert_eq!(wrong, 0);
}

#[test]
fn a_crossover_of_message_sizes_is_marked_at_the_size_that_is_said() {
    let Some(mut browser) = showing(1) else { return };
    for section in ["size-latency", "size-bandwidth"] {
        // The places of the smallest and the largest message, and those of the marked sizes with what is said of them.
        let panels = browser.eval(&format!(
            "[...document.querySelectorAll('#{section} svg[role=img]')].map(svg => {{ \
                const middle = element => {{ const at = element.getBoundingClientRect(); return at.left + at.width / 2; }}; \
                const marks = [...svg.querySelectorAll('.series [data-v]')].map(middle); \
                const flags = [...svg.querySelectorAll('.flag')].map(f => [middle(f.querySelector('path')), f.querySelector('title').textContent]); \
                return [Math.min(...marks), Math.max(...marks), flags]; }})"
        ));
        let mut marked = 0;
        for panel in panels.as_array().unwrap() {
            let (first, last) = (panel[0].as_f64().unwrap(), panel[1].as_f64().unwrap());
            for flag in panel[2].as_array().unwrap() {
                let (at, said) = (flag[0].as_f64().unwrap(), flag[1].as_str().unwrap());
                let share = (bytes(said) / 64.0).ln() / (f64::from(1 << 20) / 64.0).ln();
                let wanted = first + (last - first) * share;
                // Two digits are within five hundredths of each other.
                assert!((at - wanted).abs() < (last - first) * 0.01, "{said} stands at {at}, not {wanted}");
                marked += 1;
            }
        }
        assert!(marked > 0, "{section}: the fixture has none");
    }
}

/// The size in `unix-stream overtakes shm-ring at about 270 KiB (250 KiB – 290 KiB)`.
fn bytes(said: &str) -> f64 {
    let size = said.split("at about ").nth(1).unwrap().split(" (").next().unwrap();
    let digits: String = size.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let unit = match size[digits.len()..].trim() {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        other => panic!("nobody knows the unit {other:?} of {said:?}"),
    };
    digits.parse::<f64>().unwrap() * unit
}

#[test]
fn where_kinds_of_task_differ_by_more_than_noise_is_said_as_show_does() {
    let mut verdicts = std::collections::BTreeSet::new();
    for (workload, section) in [("switch-touch", "switch"), ("switch", "switch-ring")] {
        let said = remarks(section);
        let kinds = task_kinds::of_switches(cells().iter().filter(|cell| cell.workload == workload));
        assert_eq!(kinds.len(), 5, "{workload}");
        for Difference { less, more, ns, beyond_noise } in kinds.iter().flat_map(task_kinds::Kinds::differences) {
            let sentence = said.split(&format!("net of {more} minus {less}: beyond the noise ")).nth(1).unwrap();
            let (beyond, within) = sentence.split(".</p>").next().unwrap().split_once("; within it ").unwrap();
            let place = format!(" ({}{})", if ns < 0.0 { "−" } else { "+" }, ipcmark_report::words::time(ns.abs()));
            assert!(if beyond_noise { beyond } else { within }.contains(&place), "{place} is misplaced in {sentence}");
            verdicts.insert(beyond_noise);
        }
    }
    assert_eq!(verdicts.len(), 2, "the fixture has both");
}

#[test]
fn intervals_are_drawn_for_all_that_launches_tell_apart() {
    let Some(mut browser) = showing(1) else { return };
    for section in ["switch", "switch-ring", "lock-threads", "lock-hold", "size-latency", "size-bandwidth", "readers"] {
        let without = format!(
            "[...document.querySelectorAll('#{section} svg[role=img]')].filter(s => !s.querySelector('.whisker')).length"
        );
        assert_eq!(browser.eval(&without), 0, "{section}");
    }
}
