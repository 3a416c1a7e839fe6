//! The page: one HTML file that shows records to people. It asks for no other file and no network.
//!
//! Everything is drawn here, in Rust, as SVG and tables, so that it is there without JavaScript, on paper, and in the source that a
//! reader searches. The script only adds: filter, switches, a card with what is known of a number, copied citations.
//!
//! - `sheet`: all records side by side; `number`: one of their numbers on its way to the page.
//! - `charts`: one small file a chart, upon what they share: `facets` (what may stand in one panel), `scale`, `axis`,
//!   `marks`, `plot` (lines), `dots` (rows), `sweep` (lines along a key of the setup), `followed` (of what), `remarks` (what is
//!   said of them), `table`.
//! - `system`, `trust`: the machines, and how far their numbers go; `all`: all numbers, and all machines by their ratios;
//!   `data`: the same for the script.
//!
//! Why no charting library: uPlot (50 KB) is fast at a million points and zooms into them, but draws on a canvas: without
//! JavaScript there is nothing, its points cannot be pointed at by keyboard, linked, or held against the record by a test, and print
//! is a bitmap. A cell has some ten numbers and a panel some hundred points; SVG is made for that.
//!
//! Texts of records are strangers': maud escapes them, `clean` takes out what reorders or drives, and the script's data has no `<`.

mod all;
mod axis;
mod charts;
mod data;
mod dots;
mod facets;
mod followed;
mod marks;
mod number;
mod plot;
mod remarks;
mod scale;
mod sheet;
mod sweep;
mod system;
mod table;
mod trust;

use std::io::{self, Read};

use ipcmark_harness::record::sanitize;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::grouping::distinct;
use crate::load::{Loaded, Source};
use charts::{Chart, Drawing};
use sheet::Sheet;

const STYLE: &str = include_str!("page.css");
/// What stands in the page may run; nothing may be fetched.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
const SCRIPT: &str = include_str!("page.js");

/// The page for these records; what was left out when reading them is told on it.
#[must_use]
pub fn render(loaded: &Loaded) -> String {
    let sheet = Sheet::new(&loaded.sources);
    let drawn: Vec<(Chart, Option<Drawing>)> = charts::LIST
        .map(|chart| {
            let drawing = (chart.draw)(&sheet);
            (chart, drawing)
        })
        .into();
    let missing: Vec<&Chart> = drawn.iter().filter(|(_, drawing)| drawing.is_none()).map(|(chart, _)| chart).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&loaded.sources))
            body {
                a.skip href="#system" { "Skip to the content" }
                (banner(&sheet))
                (controls(&sheet, &drawn))
                main {
                    (system::section(&sheet, &loaded.problems))
                    (trust::section(&sheet))
                    @for (chart, drawing) in &drawn { @if let Some(drawing) = drawing { (section(chart, drawing)) } }
                    (not_here(&missing))
                    (all::ratios(&sheet))
                    (all::numbers(&sheet))
                }
                footer { p {
                    "Made by ipcmark " (env!("CARGO_PKG_VERSION")) ". These are just data: why they are as they are is for you to find out."
                } }
                (data::script(&sheet))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut page = page.into_string();
    if page.contains(drives) {
        page = page.replace(drives, "\u{fffd}");
    }
    page
}

/// How every page begins; a test holds it against one.
const BEGINNING: &[u8] =
    b"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"ipcmark report\">";

/// Whether a file is a page of [`render`]'s. It is read from where it stands.
///
/// # Errors
/// If it cannot be read.
pub fn is_page(file: impl Read) -> io::Result<bool> {
    let mut beginning = Vec::new();
    file.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == BEGINNING)
}

/// Characters that reorder or control: none of ours, and of a stranger's text none comes through, wherever it stands.
fn drives(character: char) -> bool {
    let plain = character == '\n' || (character.is_ascii() && !character.is_control());
    !plain && !sanitize(character.encode_utf8(&mut [0; 4])).starts_with(character)
}

/// A stranger's text, at most this many characters of it.
fn clean(text: &str) -> String {
    const MOST: usize = 300;
    let text = sanitize(text);
    if text.chars().nth(MOST).is_none() { text } else { text.chars().take(MOST).chain(['…']).collect() }
}

fn head(sources: &[Source]) -> Markup {
    let title = match sources {
        [one] => format!("ipcmark: {}", clean(&crate::words::system(&one.record.header))),
        many => format!("ipcmark: {} records", many.len()),
    };
    html! {
        head {
            meta charset="utf-8";
            meta name="generator" content="ipcmark report";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            meta name="color-scheme" content="light dark";
            title { (title) }
            link rel="icon" href="data:,";
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn banner(sheet: &Sheet<'_>) -> Markup {
    let numbers: usize = (0..sheet.machines.len())
        .map(|m| (0..sheet.cells.len()).filter(|&c| sheet.measured(m, c).is_some()).count())
        .sum();
    html! {
        header.banner {
            h1 { "ipcmark" }
            p { "What each way of talking between processes and threads costs: " (numbers) " measured cells in "
                (sheet.machines.len()) @if sheet.machines.len() == 1 { " record." } @else { " records." } }
            p.script-only { "Point at a number, or walk to it with the arrow keys, for its conditions, its link and its citation." }
        }
    }
}

/// The switches: what the setup may be, where there is a choice.
fn controls(sheet: &Sheet<'_>, drawn: &[(Chart, Option<Drawing>)]) -> Markup {
    html! {
        nav.controls aria-label="Charts and filters" {
            div.jump {
                a href="#system" { "System" } " " a href="#trust" { "Trust" } " "
                @for (chart, _) in drawn.iter().filter(|(_, drawing)| drawing.is_some()) {
                    a href=(format!("#{}", chart.anchor)) { (chart.title) } " "
                }
                @if sheet.machines.len() > 1 { a href="#ratios" { "Ratios" } " " }
                a href="#all" { "All numbers" }
            }
            form.script-only #filters {
                label.search {
                    "Filter " input #search type="search" placeholder="mechanism, e.g. pipe unix" autocomplete="off";
                }
                @for key in ["peer", "placement", "waiting"] { (switches(sheet, key)) }
                button #theme type="button" { "Dark or light" }
                button #reset type="reset" { "Reset" }
                output #found role="status" {}
            }
        }
    }
}

fn switches(sheet: &Sheet<'_>, key: &str) -> Markup {
    let words = sheet.cells.iter().map(|cell| sheet::setup_word(cell, key)).filter(|word| !word.is_empty());
    let values = distinct(words);
    html! {
        @if values.len() > 1 {
            fieldset { legend { (key) } @for value in values {
                label { input type="checkbox" name=(key) value=(clean(value)) checked; (clean(value)) }
            } }
        }
    }
}

fn section(chart: &Chart, drawing: &Drawing) -> Markup {
    html! {
        section.chart id=(chart.anchor) {
            h2 {
                (chart.title) " "
                a.anchor href=(format!("#{}", chart.anchor)) aria-label="Link to this section" { "#" }
            }
            p.reads { (prose(chart.reads)) }
            (drawing.render())
        }
    }
}

/// Our own sentences, with what stands between backticks as code.
fn prose(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() { @if place % 2 == 1 { code { (part) } } @else { (part) } }
    }
}

/// What is not drawn, and which workload would give it.
fn not_here(missing: &[&Chart]) -> Markup {
    html! {
        @if !missing.is_empty() {
            section #missing {
                h2 { "Not on this page" }
                p { "Charts for which the records lack the cells:" }
                ul { @for chart in missing { li { b { (chart.title) } ": needs " (prose(chart.needs)) "." } } }
            }
        }
    }
}

/// Said where more records were given than are drawn.
fn only_first(sheet: &Sheet<'_>) -> Markup {
    html! {
        @if sheet.machines.len() > sheet.drawn().len() {
            p.remark {
                "Charts draw the first " (sheet.drawn().len()) " of " (sheet.machines.len()) " records; the table of ratios has all of them."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_beginning_and_a_record_is_none() {
        let page = render(&Loaded::default());
        assert!(is_page(page.as_bytes()).unwrap(), "{}", &page[..200]);
        assert!(!is_page(&b"{\"schema\":"[..]).unwrap() && !is_page(&page.as_bytes()[..20]).unwrap());
    }
}
