//! The same as Markdown, for issues and pull requests: a table for each question, with all columns.

use ipcmark_harness::record::{Cell, sanitize};
use ipcmark_report::markdown;
use ipcmark_report::paired::RunContext;
use ipcmark_report::ranking::{Ranked, is_floor};
use ipcmark_report::remarks::remarks;

use super::columns::Column;
use super::groups::{Group, groups};
use super::{Shown, WITHOUT_NUMBER, crossovers, kinds_of_tasks, reasons};
use crate::commands::grades;

/// All groups, then crossovers, and what was skipped or failed, and why.
pub(in super::super) fn markdown<'a>(run: impl Into<RunContext<'a>>, cells: &[Cell], shown: Shown<'_>) -> String {
    let run = run.into();
    let common = grades::common_reasons(cells);
    let groups = groups(run, cells, shown.reference);
    let tables: String = groups.iter().map(|group| table(group, &common, shown)).collect();
    let lists = [
        ("crossovers", crossovers(run.header, cells)),
        ("kinds of tasks, net", kinds_of_tasks(cells)),
        ("grades: of all cells", grades::of_all(&common)),
    ];
    let without_number = WITHOUT_NUMBER.map(|(title, outcome)| (title, reasons(cells, outcome)));
    lists.into_iter().chain(without_number).fold(tables, |text, (title, lines)| text + &list(title, &lines))
}

fn list(title: &str, lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("- {}\n", markdown::line(line))).collect();
    if items.is_empty() { items } else { format!("### {title}\n\n{items}\n") }
}

fn table(group: &Group<'_>, common: &[&str], shown: Shown<'_>) -> String {
    let is_shown = |column: &Column| {
        let is_asked = shown.wide || !Column::WIDE.contains(column);
        is_asked && group.rows.iter().any(|row| !column.text(row, "").is_empty())
    };
    let columns: Vec<Column> = Column::ALL.into_iter().filter(is_shown).collect();
    let heads = columns.iter().map(|column| head(group, *column));
    let heads: Vec<String> = ["mechanism".to_owned()].into_iter().chain(heads).chain(["notes".to_owned()]).collect();
    let rule: Vec<&str> = ["---"].into_iter().chain(columns.iter().map(rule)).chain(["---"]).collect();
    let rows: String = group.rows.iter().map(|row| line(&texts(row, &columns, common))).collect();
    format!("### {}\n\n{}{}{rows}\n", markdown::line(&group.title()), line(&heads), line(&rule))
}

fn rule(column: &Column) -> &'static str {
    if column.is_right() { "---:" } else { "---" }
}

fn head(group: &Group<'_>, column: Column) -> String {
    let subject = group.subject();
    match column {
        Column::Median => subject.central.to_owned(),
        Column::P99 | Column::P999 | Column::Max => subject.quantile(column.head()),
        Column::Cpu => subject.cpu(),
        Column::RatioInterval => "interval and grade of ratio".to_owned(),
        _ => column.head().to_owned(),
    }
}

fn texts(row: &Ranked<'_>, columns: &[Column], common: &[&str]) -> Vec<String> {
    let figures = columns.iter().map(|column| column.text(row, ""));
    let of_ratio = row.ratio.iter().flat_map(|ratio| ratio.other_reasons());
    let of_ratio = of_ratio.filter(|reason| !common.contains(reason)).map(|reason| format!("ratio {reason}"));
    let noted = row.cell.notes.iter().cloned();
    let said = remarks(row.cell).into_iter().chain(noted).chain(grades::own_reasons(row.cell, common)).chain(of_ratio);
    let said = said.collect::<Vec<_>>().join("; ");
    let name = if is_floor(row.cell) { format!("{} (floor)", row.cell.mechanism) } else { row.cell.mechanism.clone() };
    [name].into_iter().chain(figures).chain([said]).map(|text| markdown::line(&sanitize(&text))).collect()
}

fn line<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use ipcmark_harness::control::{Failure, FailureKind};
    use ipcmark_harness::record::Identity;
    use ipcmark_report::made_up::Run;

    use super::*;

    #[test]
    fn cells_without_a_number_are_listed_with_their_reasons() {
        let failed = |kind| Cell::without_result(Identity::default(), &Failure::new(kind, format!("of {kind:?}")));
        let cells =
            [failed(FailureKind::Disturbed), failed(FailureKind::Peer), Cell::skipped(Identity::default(), "no")];
        let text =
            markdown(&Run::default().record().header, &cells, Shown { reference: None, wide: false, columns: 80 });
        for part in ["### skipped\n", "### disturbed\n", "of Disturbed", "### failed\n", "of Peer"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
}
