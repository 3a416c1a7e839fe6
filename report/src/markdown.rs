//! A stranger's text in CommonMark, as GitHub renders it: it comes out as text, whatever stands in it.
//!
//! Each character that can be markup is escaped, one by one, so that no run of them is left. What GitHub links or notifies without any
//! markup is broken up (`https\://`, `www\.`) or, as an address has no escape, set as code (`` `a@b` ``). Control characters, line breaks
//! and the characters that reorder text are taken out first ([`sanitize`]), so a text stays within its line.

use ipcmark_harness::record::sanitize;

/// Markup within a line.
const MARKUP: &str = "\\`*_[]<>|&~$#!{}";

/// The text within a line, or in the cell of a table.
#[must_use]
pub fn text(text: &str) -> String {
    let mut escaped = String::new();
    for part in sanitize(text).split_inclusive([' ', '|']) {
        let word = part.trim_end_matches([' ', '|']);
        escaped += &if word.contains('@') { code(word) } else { escape(word) };
        escaped += &escape(&part[word.len()..]);
    }
    escaped
}

/// The text where a line begins, where digits, dashes and spaces may be markup, too.
#[must_use]
pub fn line(text: &str) -> String {
    let text = self::text(sanitize(text).trim_start());
    let number = text.bytes().take_while(u8::is_ascii_digit).count();
    match text[number..].chars().next() {
        Some('.' | ')') if number > 0 => format!("{}\\{}", &text[..number], &text[number..]),
        Some('-' | '+' | '=' | ':') if number == 0 => format!("\\{text}"),
        _ => text,
    }
}

/// The text as code, between more backticks than it has in a row. Not for the cell of a table where it has a bar.
#[must_use]
pub fn code(text: &str) -> String {
    let text = sanitize(text);
    if text.is_empty() {
        return text;
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space on either side is taken off, unless all are spaces.
    let (first, last) = (text.starts_with(['`', ' ']), text.ends_with(['`', ' ']));
    let space = if (first || last) && !text.trim_matches(' ').is_empty() { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn escape(word: &str) -> String {
    let mut escaped = String::new();
    for (place, character) in word.char_indices() {
        let linked = match character {
            ':' => word[place..].starts_with("://"),
            '.' => word[..place].ends_with("www"),
            _ => false,
        };
        if linked || MARKUP.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests;
