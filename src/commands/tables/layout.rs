//! Tables as lines of text: which columns fit, for how many questions beside each other, and how wide each is.

use std::collections::{HashMap, HashSet};

use ipcmark_harness::record::Cell;
use ipcmark_report::layout::{clipped, padded, width, wrapped};
use ipcmark_report::ranking::Ranked;

use super::Shown;
use super::columns::Column;
use super::sheets::{Band, Line, Sheet};

/// Questions beside each other, where there are as many and they fit.
const BESIDE: usize = 2;
/// What a mechanism's name has at least.
const LEAST_LABEL: usize = 12;
/// Before each line of a table, so that titles stand out.
const INDENT: usize = 1;

/// The marks of all cells, by their addresses.
pub(super) type Marks = HashMap<*const Cell, String>;

/// The columns that each workload's tables have.
pub(super) type Used<'a> = HashSet<(&'a str, Column)>;

/// The columns of some sheets, with the width of each.
struct Layout {
    label: usize,
    columns: Vec<(Column, usize)>,
    beside: usize,
}

/// The sheets as text, and which columns it has. Sheets of one layout have the heads of columns once.
pub(super) fn text<'a>(sheets: &[Sheet<'_, 'a>], marks: &Marks, shown: Shown<'_>) -> (String, Used<'a>) {
    let (pairs, others): (Vec<&Sheet<'_, 'a>>, Vec<&Sheet<'_, 'a>>) =
        sheets.iter().partition(|sheet| is_paired(sheet, marks, shown));
    let mut text = String::new();
    let mut used = Used::new();
    let (alone, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|sheet| sheet.is_of_single_lines);
    let clusters = clusters(&pairs, marks, shown).into_iter().map(|sheets| (sheets, BESIDE));
    for (sheets, beside) in clusters.chain((!others.is_empty()).then_some((others, 1))) {
        let layout = Layout::of(&sheets, beside, marks, shown);
        text += &layout.heads();
        sheets.iter().for_each(|sheet| text += &layout.sheet(sheet, marks, shown.columns));
        used.extend(layout.used(&sheets));
    }
    if !alone.is_empty() {
        let (layout, bands) = Layout::of_single_lines(&alone, marks, shown);
        text += &layout.heads();
        bands.iter().for_each(|band| text += &layout.band(band, marks, shown.columns));
        used.extend(layout.used(&alone));
    }
    (text, used)
}

/// What sheets take with the columns that every table has.
#[derive(Clone, Copy)]
struct Extent {
    label: usize,
    essential: [(Column, usize); Column::ESSENTIAL.len()],
}

impl Extent {
    fn of(sheet: &Sheet<'_, '_>, marks: &Marks) -> Extent {
        let essential = Column::ESSENTIAL.map(|column| (column, natural(&[sheet], column, marks)));
        Extent { label: label_of(&[sheet]), essential }
    }

    /// Of both under one another.
    fn joined(mut self, other: Extent) -> Extent {
        self.label = self.label.max(other.label);
        for ((_, width), (_, others)) in self.essential.iter_mut().zip(other.essential) {
            *width = others.max(*width);
        }
        self
    }

    /// Whether groups fit beside each other.
    fn is_paired(&self, columns: usize) -> bool {
        self.label + BESIDE * block(&self.essential) <= columns
    }
}

/// Whether its groups stand beside each other.
fn is_paired(sheet: &Sheet<'_, '_>, marks: &Marks, shown: Shown<'_>) -> bool {
    let may_be = sheet.groups.len() > 1 && !sheet.is_of_single_lines && !shown.wide;
    may_be && Extent::of(sheet, marks).is_paired(shown.columns)
}

/// Sheets after each other that fit with columns of the same widths.
fn clusters<'s, 'g, 'a>(sheets: &[&'s Sheet<'g, 'a>], marks: &Marks, shown: Shown<'_>) -> Vec<Vec<&'s Sheet<'g, 'a>>> {
    let mut clusters: Vec<(Extent, Vec<&Sheet<'_, '_>>)> = Vec::new();
    for sheet in sheets {
        let own = Extent::of(sheet, marks);
        match clusters.last_mut() {
            Some((extent, last)) if extent.joined(own).is_paired(shown.columns) => {
                *extent = extent.joined(own);
                last.push(sheet);
            }
            _ => clusters.push((own, vec![sheet])),
        }
    }
    clusters.into_iter().map(|(_, sheets)| sheets).collect()
}

/// What a group takes with its gaps.
fn block(columns: &[(Column, usize)]) -> usize {
    1 + columns.iter().map(|(_, width)| 1 + width).sum::<usize>()
}

/// The widest label of these sheets, with its indent.
fn label_of(sheets: &[&Sheet<'_, '_>]) -> usize {
    let bands = sheets.iter().flat_map(|sheet| sheet.bands(1));
    let widest = bands.flat_map(|band| band.lines).map(|line| width(&line.label)).max();
    INDENT + widest.unwrap_or(0).max(MECHANISM.len())
}

const MECHANISM: &str = "mechanism";

/// What a column takes where nothing is cut off; 0: no cell has any of it.
fn natural(sheets: &[&Sheet<'_, '_>], column: Column, marks: &Marks) -> usize {
    let groups = sheets.iter().flat_map(|sheet| &sheet.groups);
    let rows = groups.flat_map(|group| group.lines());
    let widest = rows.map(|row| width(&column.text(row, marks_of(row, marks)))).max().unwrap_or(0);
    if widest == 0 && !Column::ESSENTIAL.contains(&column) { 0 } else { widest.max(width(column.head())) }
}

fn marks_of<'m>(row: &Ranked<'_>, marks: &'m Marks) -> &'m str {
    marks.get(&std::ptr::from_ref(row.cell)).map_or("", String::as_str)
}

impl Layout {
    fn of(sheets: &[&Sheet<'_, '_>], beside: usize, marks: &Marks, shown: Shown<'_>) -> Layout {
        let of = |column: Column| (column, natural(sheets, column, marks));
        let mut columns = Column::ESSENTIAL.map(of).to_vec();
        if shown.wide {
            columns.extend(Column::WIDE.map(of).into_iter().filter(|(_, width)| *width > 0));
        }
        let label = label_of(sheets);
        add_further(&mut columns, Column::FURTHER.into_iter().map(of), label, beside, shown);
        let room = shown.columns.saturating_sub(beside * block(&columns));
        let columns = if room < LEAST_LABEL { narrowed(columns, shown.columns) } else { columns };
        Layout { label: label.min(room.max(LEAST_LABEL)), columns, beside }
    }

    fn used<'a>(&self, sheets: &[&Sheet<'_, 'a>]) -> Used<'a> {
        let workloads = sheets.iter().flat_map(|sheet| &sheet.groups).map(|group| group.workload);
        workloads.flat_map(|workload| self.columns.iter().map(move |(column, _)| (workload, *column))).collect()
    }

    fn heads(&self) -> String {
        let heads: String = self.columns.iter().map(|(column, width)| cell(column.head(), *column, *width)).collect();
        line(
            " ".repeat(INDENT)
                + &padded(MECHANISM, self.label - INDENT, false)
                + &format!(" {heads}").repeat(self.beside),
        )
    }

    fn sheet(&self, sheet: &Sheet<'_, '_>, marks: &Marks, columns: usize) -> String {
        sheet.bands(self.beside).iter().map(|band| self.band(band, marks, columns)).collect()
    }

    /// For cells with nothing to be compared with: labels that say all in the room that the figures leave, or a title for several.
    fn of_single_lines<'g, 'a>(
        sheets: &[&Sheet<'g, 'a>],
        marks: &Marks,
        shown: Shown<'_>,
    ) -> (Layout, Vec<Band<'g, 'a>>) {
        let of = |column: Column| (column, natural(sheets, column, marks));
        let is_compared = |column: &Column| matches!(column, Column::Rank | Column::Ratio | Column::RatioInterval);
        let mut columns: Vec<(Column, usize)> =
            Column::ESSENTIAL.into_iter().filter(|column| !is_compared(column)).map(of).collect();
        let room = shown.columns.saturating_sub(block(&columns) + INDENT);
        let widest = |band: &Band<'_, '_>| band.lines.iter().map(|line| width(&line.label)).max().unwrap_or(0);
        let band = |sheet: &&Sheet<'g, 'a>| {
            Some(sheet.without_title()).filter(|band| widest(band) <= room).unwrap_or_else(|| sheet.bands(1).remove(0))
        };
        let bands: Vec<Band<'g, 'a>> = sheets.iter().map(band).collect();
        let label = INDENT + bands.iter().map(widest).max().unwrap_or(0).max(MECHANISM.len());
        add_further(
            &mut columns,
            Column::FURTHER.into_iter().filter(|column| !is_compared(column)).map(of),
            label,
            1,
            shown,
        );
        (Layout { label: label.min(room + INDENT), columns, beside: 1 }, bands)
    }

    fn band(&self, band: &Band<'_, '_>, marks: &Marks, columns: usize) -> String {
        let lines: String = band.lines.iter().map(|line| self.line(line, marks)).collect();
        self.title(band, columns) + &lines
    }

    fn line(&self, of: &Line<'_, '_>, marks: &Marks) -> String {
        let room = self.label - INDENT;
        let mut text = " ".repeat(INDENT) + &padded(&clipped(&of.label, room), room, false);
        for row in &of.rows {
            text.push(' ');
            for (column, width) in &self.columns {
                let said = row.map_or(String::new(), |row| column.text(row, marks_of(row, marks)));
                text += &cell(&said, *column, *width);
            }
        }
        line(text)
    }

    /// What all groups share at the left, and above each what it has for itself; where that does not fit, one after the other.
    fn title(&self, band: &Band<'_, '_>, columns: usize) -> String {
        let block = block(&self.columns);
        let mut title = format!("{} ", band.common).trim_start().to_owned();
        for (place, own) in band.own.iter().enumerate() {
            let room = (self.label + (place + 1) * block).saturating_sub(width(&title));
            if width(own) + usize::from(place > 0) > room {
                return wrapped(&in_a_row(band), columns, 2) + "\n";
            }
            title += &padded(own, room, true);
        }
        match band.own.as_slice() {
            [own] if own.is_empty() && band.common.is_empty() => String::new(),
            [own] if own.is_empty() => wrapped(&band.common, columns, 2) + "\n",
            _ => line(title),
        }
    }
}

/// Each that fits, where any cell has it.
fn add_further(
    columns: &mut Vec<(Column, usize)>,
    further: impl Iterator<Item = (Column, usize)>,
    label: usize,
    beside: usize,
    shown: Shown<'_>,
) {
    for (column, width) in further.filter(|(_, width)| *width > 0) {
        if label + beside * (block(columns) + 1 + width) <= shown.columns {
            columns.push((column, width));
        }
    }
    columns.sort_by_key(|(column, _)| Column::ALL.iter().position(|one| one == column));
}

/// `process, block: round-trip, 64B | stream, 64KiB`.
fn in_a_row(band: &Band<'_, '_>) -> String {
    let own = band.own.iter().filter(|own| !own.is_empty()).cloned().collect::<Vec<_>>().join(" | ");
    match (band.common.is_empty(), own.is_empty()) {
        (false, false) => format!("{}: {own}", band.common),
        _ => format!("{}{own}", band.common),
    }
}

/// Columns that fit beside the shortest label; what is cut off then is seen by its `…`.
fn narrowed(columns: Vec<(Column, usize)>, most: usize) -> Vec<(Column, usize)> {
    let room = most.saturating_sub(LEAST_LABEL + 1 + columns.len());
    let wanted: usize = columns.iter().map(|(_, width)| width).sum();
    let share = |width: usize| if wanted > room { width * room / wanted } else { width };
    columns.into_iter().map(|(column, width)| (column, share(width))).collect()
}

fn cell(text: &str, column: Column, width: usize) -> String {
    format!(" {}", padded(&clipped(text, width), width, column.is_right()))
}

/// Without spaces at its end.
fn line(text: String) -> String {
    text.trim_end().to_owned() + "\n"
}
