//! The tables below charts: the numbers that were drawn, for those who read rather than look.

use maud::{Markup, html};

use super::facets::Group;
use super::number::Number;
use super::sheet::Sheet;

/// One mechanism on one machine.
pub(super) struct Row {
    pub(super) machine: usize,
    pub(super) name: String,
    pub(super) entries: Vec<Option<Number>>,
}

/// The numbers of one group. The name of the machine is given where there are several.
pub(super) fn numbers(sheet: &Sheet<'_>, group: &Group, heads: &[&str], rows: &[Row]) -> Markup {
    let several = sheet.machines.len() > 1;
    html! {
        div.scroll data-peer=(group.peer) data-placement=(group.placement) data-waiting=(group.waiting) {
            table {
                caption { (group.phrase) }
                thead { tr {
                    th scope="col" { "mechanism" }
                    @if several { th scope="col" { "machine" } }
                    @for head in heads { th.num scope="col" { (head) } }
                } }
                tbody {
                    @for row in rows {
                        tr data-s=(row.name) {
                            th scope="row" { (row.name) }
                            @if several { td.machine { (sheet.machines[row.machine].label) } }
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
