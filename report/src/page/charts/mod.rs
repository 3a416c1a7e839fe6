//! The charts, in the order of the page. A further one: copy a file that is like it, and add it to [`LIST`].
//!
//! Each is a function from the sheet to a [`Drawing`], or to nothing where the records lack what it draws; the page then says which
//! workload would give it.

use maud::{Markup, html};

use super::facets::Group;
use super::sheet::Sheet;

mod block_spin;
mod costs;
mod fairness;
mod hold;
mod idle_gap;
mod latency;
mod load;
mod peers;
mod placement;
mod ranks;
mod readers;
mod size_bandwidth;
mod size_latency;
mod slices;
mod spawn;
mod spectrum;
mod switch_cost;
mod switch_ring;
mod threads;
mod working_set;

/// All charts.
pub(super) const LIST: [Chart; 20] = [
    latency::CHART,
    costs::CHART,
    size_latency::CHART,
    size_bandwidth::CHART,
    spectrum::CHART,
    block_spin::CHART,
    idle_gap::CHART,
    load::CHART,
    peers::CHART,
    threads::CHART,
    hold::CHART,
    readers::CHART,
    fairness::CHART,
    switch_ring::CHART,
    switch_cost::CHART,
    slices::CHART,
    spawn::CHART,
    working_set::CHART,
    placement::CHART,
    ranks::CHART,
];

/// One section of the page.
pub(super) struct Chart {
    /// Its anchor.
    pub(super) anchor: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// How to read it, in a sentence or two.
    pub(super) reads: &'static str,
    /// What the records must have for it.
    pub(super) needs: &'static str,
    /// Draws it; none: the records lack that.
    pub(super) draw: fn(&Sheet<'_>) -> Option<Drawing>,
}

/// What a chart consists of.
pub(super) struct Drawing {
    /// What the marks mean.
    pub(super) legend: Markup,
    /// Sentences below it.
    pub(super) remarks: Vec<String>,
    groups: Vec<Markup>,
    tables: Vec<(String, Markup)>,
    left_out: usize,
}

/// The panel of one machine, and what is remarkable in it.
pub(super) type Panel = (usize, Markup, Vec<String>);

impl Drawing {
    /// `left_out`: how many groups there are beyond those drawn.
    pub(super) fn new(left_out: usize) -> Self {
        Self { legend: html! {}, remarks: Vec::new(), groups: Vec::new(), tables: Vec::new(), left_out }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Small multiples: a panel for each machine, on one scale.
    pub(super) fn group(&mut self, sheet: &Sheet<'_>, group: &Group, panels: Vec<Panel>) {
        if panels.is_empty() {
            return;
        }
        self.groups.push(html! {
            figure.many[panels.len() > 1] data-peer=(group.peer) data-placement=(group.placement) data-waiting=(group.waiting) {
                figcaption { (group.phrase) }
                @for (machine, panel, remarks) in panels {
                    div.panel {
                        @if sheet.machines.len() > 1 { p.machine { (sheet.machines[machine].label) } }
                        (panel)
                        @for remark in remarks { p.remark { (remark) } }
                    }
                }
            }
        });
    }

    /// One panel over all machines.
    pub(super) fn wide(&mut self, group: &Group, panel: &Markup) {
        self.groups.push(html! {
            figure data-peer=(group.peer) data-placement=(group.placement) data-waiting=(group.waiting) {
                figcaption { (group.phrase) }
                div.panel { (panel) }
            }
        });
    }

    /// The numbers that were drawn.
    pub(super) fn table(&mut self, title: &str, table: &Markup) {
        self.tables.push((title.to_owned(), table.clone()));
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            (self.legend)
            div.figures { @for group in &self.groups { (group) } }
            @for remark in &self.remarks { p.remark { (remark) } }
            @if self.left_out > 0 {
                p.remark { "Combinations of conditions not drawn: " (self.left_out) "; their numbers are in the list of all numbers." }
            }
            @for (title, table) in &self.tables {
                details.numbers { summary { "Table: " (title) } (table) }
            }
        }
    }
}
