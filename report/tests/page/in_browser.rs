//! In a real browser: nothing is complained of or asked for, charts show the data's extremes, and what the script adds works.

use std::path::{Path, PathBuf};

use ipcmark_report::cite::cite;
use ipcmark_report::load::load;
use serde_json::Value;

use crate::browser::{self, Browser};
use crate::fixture;

/// A browser that shows the page of so many machines; none where there is no browser.
pub(crate) fn showing(machines: usize) -> Option<Browser> {
    let program = browser::find()?;
    let mut browser = Browser::start(&program);
    browser.window(1400, 1000, "light");
    browser.open(&fixture::of(machines).path());
    assert_eq!(browser.eval("document.documentElement.dataset.ready"), "yes", "{:?}", browser.complaints());
    Some(browser)
}

fn keep(browser: &mut Browser, selector: &str, name: &str) {
    // The folder of the build, wherever it is.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../page");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = browser.picture(selector);
    let decoded = decode(&picture);
    std::fs::write(folder.join(format!("{name}.png")), decoded).unwrap();
}

/// Base64 as the protocol writes it.
fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().enumerate().fold(0, |bits, (place, digit)| bits | digit << (18 - 6 * place));
        bits.to_be_bytes().into_iter().skip(1).take(chunk.len() * 6 / 8)
    });
    bytes.collect()
}

pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn nothing_is_complained_of_and_no_address_is_asked() {
    let Some(mut browser) = showing(2) else { return };
    browser.eval("document.querySelectorAll('details').forEach(d => d.open = true)");
    browser.press("Tab");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    assert!(browser.requests().is_empty(), "{:?}", browser.requests());
}

#[test]
fn charts_show_the_extremes_of_their_data_within_their_frames() {
    let Some(mut browser) = showing(2) else { return };
    // Of each drawing the marks lie within it; of two marks on one axis the greater value is further along.
    let outside = browser.eval(
        "[...document.querySelectorAll('section.chart svg[role=img]')].flatMap(svg => { \
            const frame = svg.getBoundingClientRect(); \
            return [...svg.querySelectorAll('[data-v]')].filter(mark => { const at = mark.getBoundingClientRect(); \
                return at.width === 0 || at.left < frame.left - 1 || at.right > frame.right + 1 || at.top < frame.top - 1 || at.bottom > frame.bottom + 1; \
            }).map(mark => mark.dataset.n); })",
    );
    assert_eq!(strings(&outside), Vec::<&str>::new());
    let disordered = browser.eval(
        "[...document.querySelectorAll('#latency svg[role=img]')].filter(svg => { \
            const marks = [...svg.querySelectorAll('path[data-v]')].map(mark => { const at = mark.getBoundingClientRect(); return [Number(mark.dataset.v), at.left + at.width / 2]; }); \
            marks.sort((a, b) => a[0] - b[0]); \
            return marks.some((mark, place) => place > 0 && mark[1] < marks[place - 1][1] - 0.5); }).length",
    );
    assert_eq!(disordered, 0, "a greater time stands left of a lesser one");
    let upward = browser.eval(
        "[...document.querySelectorAll('#size-bandwidth svg[role=img], #spectrum svg[role=img]')].filter(svg => { \
            const marks = [...svg.querySelectorAll('[data-v]')].map(mark => { const at = mark.getBoundingClientRect(); return [Number(mark.dataset.v), at.top + at.height / 2]; }); \
            const most = marks.reduce((a, b) => a[0] >= b[0] ? a : b), least = marks.reduce((a, b) => a[0] <= b[0] ? a : b); \
            return marks.length === 0 || marks.some(mark => mark[1] < most[1] - 1 || mark[1] > least[1] + 1); }).length",
    );
    assert_eq!(upward, 0, "the greatest is not the uppermost, or the least not the lowest");
}

#[test]
fn filter_and_switches_hide_what_they_should_and_bring_it_back() {
    let Some(mut browser) = showing(2) else { return };
    let visible = "[...document.querySelectorAll('figure')].filter(f => f.offsetParent).length";
    let all = browser.eval(visible).as_u64().unwrap();
    browser.eval("document.querySelector('input[name=peer][value=thread]').click()");
    let wrong = "[...document.querySelectorAll('[data-peer=thread]')].filter(f => !f.hidden).length";
    assert_eq!(browser.eval(wrong), 0);
    let fewer = browser.eval(visible).as_u64().unwrap();
    assert!(fewer > 0 && fewer < all, "{fewer} of {all}");
    browser.eval("document.querySelector('input[name=placement][value=same-cpu]').click()");
    assert_eq!(
        browser.eval("[...document.querySelectorAll('figure[data-placement=same-cpu]')].filter(f => !f.hidden).length"),
        0
    );
    browser.eval("document.querySelector('#reset').click()");
    browser.eval("new Promise(done => setTimeout(done, 50))");
    assert_eq!(browser.eval(visible), all);
    browser.eval("(() => { const s = document.querySelector('#search'); s.value = 'tcp'; s.dispatchEvent(new Event('input', {bubbles: true})); })()");
    let clear = "[...new Set([...document.querySelectorAll('svg g[data-s]:not(.unmatched)')].map(g => g.dataset.s))]";
    assert_eq!(strings(&browser.eval(clear)), ["tcp"]);
    let seen = "[...document.querySelectorAll('svg g[data-s]')].filter(g => g.getClientRects().length && g.dataset.s !== 'tcp').length";
    assert_eq!(browser.eval(seen), 0, "the others are hidden, and not dimmed");
    // The address has it: opened again, the page is filtered.
    assert_eq!(browser.eval("location.hash"), "#filter?words=tcp");
    browser.eval(
        "(() => { document.querySelector('#search').value = ''; dispatchEvent(new HashChangeEvent('hashchange')); })()",
    );
    assert_eq!(browser.eval("document.querySelector('#search').value"), "tcp");
    let rows = "[...new Set([...document.querySelectorAll('tr[data-s]:not([hidden])')].map(r => r.dataset.s))]";
    assert_eq!(strings(&browser.eval(rows)), ["tcp"]);
}

#[test]
fn a_number_that_is_pointed_at_tells_its_conditions_and_gives_link_and_citation() {
    let Some(mut browser) = showing(2) else { return };
    browser.eval(
        "(() => { window.mark = document.querySelector('#latency svg [data-n$=\".p99\"]'); \
        mark.dispatchEvent(new PointerEvent('pointerover', {bubbles: true})); })()",
    );
    assert_eq!(browser.eval("document.querySelector('#card').hidden"), false);
    let card = browser.eval("document.querySelector('#card').textContent");
    let card = card.as_str().unwrap();
    for wanted in ["p99", "interval", "round-trip", "same-cpu", "launches"] {
        assert!(card.contains(wanted), "{wanted} is not in {card}");
    }
    browser.eval("mark.dispatchEvent(new MouseEvent('click', {bubbles: true}))");
    browser.eval("document.querySelector('#card .link').click()");
    browser.eval("new Promise(done => setTimeout(done, 100))");
    let link = browser.eval("document.querySelector('#card .link').dataset.copied");
    let link = link.as_str().unwrap().to_owned();
    let anchor = link.split('#').nth(1).unwrap();
    assert_eq!(anchor.strip_prefix('n'), browser.eval("mark.dataset.n").as_str());
    browser.eval("document.querySelector('#card .cite').click()");
    browser.eval("new Promise(done => setTimeout(done, 100))");
    let copied = browser.eval("document.querySelector('#card .cite').dataset.copied");
    let id = browser.eval("document.querySelector('#card .id').textContent");
    let cited = cite(&fixture::of(2).loaded.sources[0], id.as_str().unwrap(), false).unwrap();
    assert_eq!(copied.as_str(), Some(cited.sentence.as_str()));
    browser.eval(&format!("location.hash = '{anchor}'"));
    browser.eval("new Promise(done => setTimeout(done, 100))");
    assert_eq!(browser.eval(&format!("document.getElementById('{anchor}').closest('details').open")), true);
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn what_must_not_be_cited_says_why_and_has_no_button() {
    let Some(mut browser) = showing(1) else { return };
    browser.eval("(() => { const refused = Object.keys(JSON.parse(document.querySelector('#data').textContent).machines[0].citations.refusals)[0]; \
        document.getElementById(`n0.${refused}.est`).click(); })()");
    let refusal = browser.eval("document.querySelector('#card .refusal').textContent");
    assert!(refusal.as_str().unwrap().contains("grade D"), "{refusal}");
    assert_eq!(browser.eval("document.querySelector('#card .cite') === null"), true);
}

#[test]
fn the_keyboard_reaches_every_number_of_a_drawing() {
    let Some(mut browser) = showing(1) else { return };
    browser.eval("document.querySelector('#latency svg[role=img]').focus()");
    let count = browser
        .eval("document.querySelectorAll('#latency svg[role=img]')[0].querySelectorAll('[data-v]').length")
        .as_u64()
        .unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..count {
        browser.press("ArrowRight");
        let here = browser.eval("document.querySelector('.here').dataset.n");
        seen.insert(here.as_str().unwrap().to_owned());
    }
    assert_eq!(seen.len() as u64, count);
    browser.press("Enter");
    assert_eq!(browser.eval("document.activeElement.className"), "cite");
    browser.press("Escape");
    assert_eq!(browser.eval("document.querySelector('#card').hidden"), true);
}

#[test]
fn dark_and_light_follow_the_user_and_the_button() {
    let Some(mut browser) = showing(1) else { return };
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground);
    browser.window(1400, 1000, "dark");
    let dark = browser.eval(ground);
    assert_ne!(light, dark);
    browser.eval("document.querySelector('#theme').click()");
    assert_eq!(browser.eval(ground), light);
    browser.eval("document.querySelector('#theme').click()");
    assert_eq!(browser.eval(ground), dark);
}

#[test]
fn without_javascript_everything_stands_there() {
    let Some(program) = browser::find() else { return };
    let mut browser = Browser::start(&program);
    browser.call("Emulation.setScriptExecutionDisabled", serde_json::json!({"value": true}));
    browser.open(&fixture::of(2).path());
    assert_eq!(browser.eval("document.documentElement.dataset.ready ?? 'no'"), "no");
    assert!(browser.eval("document.querySelectorAll('svg [data-v]').length").as_u64().unwrap() > 500);
    assert_eq!(
        browser.eval("document.querySelector('#filters').offsetParent === null"),
        true,
        "dead controls are shown"
    );
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn narrow_screens_need_no_sideways_scrolling() {
    let Some(mut browser) = showing(2) else { return };
    browser.window(390, 844, "light");
    let too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert!(browser.eval(too_wide).as_i64().unwrap() <= 0, "{} pixels too wide", browser.eval(too_wide));
}

#[test]
fn on_paper_charts_stay_and_controls_go() {
    let Some(mut browser) = showing(1) else { return };
    let shown = "['section.chart svg[role=img]', '#system table', '.controls', '.anchor'].map(s => document.querySelector(s).getClientRects().length > 0)";
    assert_eq!(browser.eval(shown), serde_json::json!([true, true, true, true]));
    browser.call("Emulation.setEmulatedMedia", serde_json::json!({"media": "print"}));
    assert_eq!(browser.eval(shown), serde_json::json!([true, true, false, false]));
}

/// Not a judgement: pictures for people. With `IPCMARK_PAGE=/path/page.html` they are of that page, with a record or a folder of
/// them of what would be drawn of it.
#[test]
fn screenshots_are_kept() {
    if let (Some(page), Some(program)) = (std::env::var_os("IPCMARK_PAGE"), browser::find()) {
        let mut browser = Browser::start(&program);
        browser.window(1400, 1000, "light");
        browser.open(&drawn(Path::new(&page)));
        pictures(&mut browser, "given");
        return whole(&mut browser, "given");
    }
    for (machines, folder) in [(1, "one"), (3, "three")] {
        let Some(mut browser) = showing(machines) else { return };
        pictures(&mut browser, folder);
        browser.window(390, 844, "light");
        keep(&mut browser, "#latency", &format!("{folder}-narrow-latency"));
        keep(&mut browser, "#size-latency", &format!("{folder}-narrow-size-latency"));
        browser.window(1400, 1000, "dark");
        keep(&mut browser, "#latency", &format!("{folder}-dark-latency"));
        keep(&mut browser, "#lock-hold", &format!("{folder}-dark-lock-hold"));
        keep(&mut browser, "#placement", &format!("{folder}-dark-placement"));
    }
}

/// The page itself, or the page of records.
fn drawn(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "html") {
        return path.to_owned();
    }
    let page = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("given.html");
    std::fs::write(&page, ipcmark_report::page::render(&load(&[path.to_owned()]))).unwrap();
    page
}

/// The page on a narrow screen, in the dark, and on paper.
fn whole(browser: &mut Browser, name: &str) {
    browser.window(390, 844, "light");
    keep(browser, "body", &format!("{name}-narrow"));
    browser.window(1400, 1000, "dark");
    keep(browser, "body", &format!("{name}-dark"));
    browser.window(800, 1100, "light");
    browser.call("Emulation.setEmulatedMedia", serde_json::json!({"media": "print"}));
    keep(browser, "body", &format!("{name}-paper"));
}

fn pictures(browser: &mut Browser, name: &str) {
    keep(browser, "header.banner", &format!("{name}-banner"));
    keep(browser, "nav.controls", &format!("{name}-controls"));
    let sections = browser.eval("[...document.querySelectorAll('main section')].map(s => s.id)");
    for section in strings(&sections) {
        keep(browser, &format!("#{section}"), &format!("{name}-{section}"));
    }
}
