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
