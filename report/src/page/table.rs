//! The tables below charts: the numbers that were drawn, for those who read rather than look.

use ipcmark_harness::grade::Grade;
use maud::{Markup, html};

use super::clean;
use super::facets::Group;
use super::number::Number;
use super::sheet::Sheet;
use crate::paired::PairedRatio;
use crate::ranking::Ranked;

/// One mechanism on one machine.
pub(super) struct Row {
    pub(super) machine: usize,
    pub(super) name: String,
    pub(super) entries: Vec<Option<Number>>,
}

/// What a ranking says of a row: words, not numbers of the record.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) rank: String,
    pub(super) ratio: String,
    /// Of the ratio, with its reasons.
    pub(super) grade: Option<Grade>,
}

impl Place {
    pub(super) fn of(ranked: &Ranked<'_>) -> Self {
        let ratio = ranked.ratio.as_ref();
        Self {
            rank: ranked.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
            ratio: if ranked.is_reference {
                "fastest".into()
            } else {
                ratio.map_or_else(|| "–".into(), PairedRatio::said)
            },
            grade: ratio.map(|ratio| ratio.grade.clone()),
        }
    }
}

/// As [`numbers`], with a place for each row before its numbers.
pub(super) fn ranked(sheet: &Sheet<'_>, group: &Group, heads: &[&str], rows: &[Row], places: &[Place]) -> Markup {
    draw(sheet, group, heads, rows, Some(places))
}

/// The numbers of one group. The name of the machine is given where there are several.
pub(super) fn numbers(sheet: &Sheet<'_>, group: &Group, heads: &[&str], rows: &[Row]) -> Markup {
    draw(sheet, group, heads, rows, None)
}

fn draw(sheet: &Sheet<'_>, group: &Group, heads: &[&str], rows: &[Row], places: Option<&[Place]>) -> Markup {
    let several = sheet.machines.len() > 1;
    html! {
        div.scroll data-peer=(group.peer) data-placement=(group.placement) data-waiting=(group.waiting) {
            table {
                caption { (group.phrase) }
                thead { tr {
                    th scope="col" { "mechanism" }
                    @if several { th scope="col" { "machine" } }
                    @if places.is_some() { @for head in ["rank", "ratio", "of ratio"] { th scope="col" { (head) } } }
                    @for head in heads { th.num scope="col" { (head) } }
                } }
                tbody {
                    @for (index, row) in rows.iter().enumerate() {
                        tr data-s=(row.name) {
                            th scope="row" { (row.name) }
                            @if several { td.machine { (sheet.machines[row.machine].label) } }
                            @if let Some(place) = places.and_then(|places| places.get(index)) { (placed(place)) }
                            @for entry in &row.entries {
                                @match entry { Some(number) => (number.entry()), None => td { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn placed(place: &Place) -> Markup {
    let (letter, why) =
        place.grade.as_ref().map_or(("–", String::new()), |g| (g.letter.as_str(), g.reasons.join("; ")));
    html! { td.rank { (place.rank) } td.ratio { (place.ratio) } td title=(clean(&why)) { (letter) } }
}
