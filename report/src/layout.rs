//! Lines that fit into a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a text takes, in columns of a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in lines of at most so many columns, those after the first with so many spaces before them. Broken at spaces, in longer
/// words after `/`, `-` or `,`, and else anywhere.
#[must_use]
pub fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        let blank = line.trim().is_empty();
        let space = usize::from(!blank);
        if width(line) + space + width(word) <= columns {
            *line += if blank { "" } else { " " };
            *line += word;
            continue;
        }
        if !blank {
            lines.push(" ".repeat(indent));
        }
        append_long(&mut lines, word, columns, indent);
    }
    lines.join("\n")
}

/// The text in at most so many columns: what does not fit is cut off, and `…` says so.
#[must_use]
pub fn clipped(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        if width(&kept) + character.width().unwrap_or(0) + 1 > columns {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

/// The text with spaces before or behind it, so that it takes so many columns.
#[must_use]
pub fn padded(text: &str, columns: usize, right: bool) -> String {
    let spaces = " ".repeat(columns.saturating_sub(width(text)));
    if right { spaces + text } else { text.to_owned() + &spaces }
}

/// A word that may be longer than a line.
fn append_long(lines: &mut Vec<String>, word: &str, columns: usize, indent: usize) {
    let mut rest = word;
    loop {
        let room = columns.saturating_sub(lines.last().map_or(0, |line| width(line))).max(1);
        let end = if width(rest) <= room { rest.len() } else { break_of(rest, room) };
        if let Some(line) = lines.last_mut() {
            *line += &rest[..end];
        }
        rest = &rest[end..];
        if rest.is_empty() {
            return;
        }
        lines.push(" ".repeat(indent));
    }
}

/// Where a word that is wider than `room` is broken, in bytes: never at its beginning.
fn break_of(word: &str, room: usize) -> usize {
    let ends = || word.char_indices().map(|(at, character)| at + character.len_utf8());
    let fits = |end: &usize| width(&word[..*end]) <= room;
    let most = ends().take_while(fits).last();
    let at_mark = ends().take_while(fits).filter(|end| word[..*end].ends_with(['/', '-', ','])).last();
    at_mark.or(most).or_else(|| ends().next()).unwrap_or(word.len())
}

/// What the rows take in columns of their natural widths, with two spaces between them.
#[must_use]
pub fn natural(rows: &[Vec<String>]) -> usize {
    let widths = widths(rows);
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Between two columns.
const GAP: usize = 2;

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = vec![0; rows.iter().map(Vec::len).max().unwrap_or(0)];
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    widths
}

/// Each row as text of at most so many columns, the first cell at the left and the others at the right of their columns. Where the
/// natural widths are too much, the widest columns are narrowed and their cells go on in further lines.
#[must_use]
pub fn grid(rows: &[Vec<String>], columns: usize) -> Vec<String> {
    let widths = fitted(widths(rows), columns);
    rows.iter().map(|row| grid_row(row, &widths, columns)).collect()
}

/// No wider than the greatest limit by which all fit.
fn fitted(widths: Vec<usize>, columns: usize) -> Vec<usize> {
    let room = columns.saturating_sub(GAP * widths.len().saturating_sub(1));
    let sum = |limit: usize| widths.iter().map(|width| limit.min(*width)).sum::<usize>();
    let widest = widths.iter().copied().max().unwrap_or(0);
    let limit = (1..=widest.min(columns)).rev().find(|limit| sum(*limit) <= room).unwrap_or(1);
    widths.iter().map(|width| limit.min(*width)).collect()
}

fn grid_row(row: &[String], widths: &[usize], columns: usize) -> String {
    let indent = row.first().map_or(0, |first| first.len() - first.trim_start().len());
    let wrap = |(place, (cell, width)): (usize, (&String, &usize))| -> Vec<String> {
        if self::width(cell) <= *width {
            return vec![cell.clone()];
        }
        let lead = if place == 0 { indent.min(width / 2) } else { 0 };
        let lines = wrapped(cell.trim_start(), (width - lead).max(1), 0);
        lines.lines().map(|line| " ".repeat(lead) + line).collect()
    };
    let cells: Vec<Vec<String>> = row.iter().zip(widths).enumerate().map(wrap).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let line = |at: usize| {
        let cell = |(place, (lines, width)): (usize, (&Vec<String>, &usize))| {
            padded(lines.get(at).map_or("", String::as_str), *width, place > 0)
        };
        let cells: Vec<String> = cells.iter().zip(widths).enumerate().map(cell).collect();
        clipped(cells.join("  ").trim_end(), columns)
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_and_nothing_is_lost() {
        let text = "round-trip/process/same-cpu/block/interprocess-unnamed-pipe/64B  missing (für 漢字 there is no room at all)";
        for columns in 8..=120 {
            let lines = wrapped(text, columns, 4);
            assert!(lines.lines().all(|line| width(line) <= columns), "{columns}: {lines}");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&lines), letters(text), "{columns}");
        }
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrapped("aa bb cc", 5, 2), "aa bb\n  cc");
        assert_eq!(wrapped("x/yy/zz", 5, 1), "x/yy/\n zz");
    }
}
