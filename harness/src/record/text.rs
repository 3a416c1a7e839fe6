//! Text from outside, on its way to a terminal or into a line.

/// The text with everything that could drive a terminal taken out: line breaks and tabs become spaces, other control
/// characters (escape, C1) and the characters that reorder text become U+FFFD. Not an HTML escape.
#[must_use]
pub fn sanitize(text: &str) -> String {
    text.chars().map(harmless).collect()
}

fn harmless(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' => ' ',
        // Marks, embeddings, overrides and isolates of the bidirectional algorithm (Unicode UAX #9), with which a line
        // can be made to read as something else.
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// The beginning of the text in at most `bytes` bytes, with an ellipsis where something was cut.
pub(super) fn clip(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub('…'.len_utf8());
    format!("{}…", &text[..text.floor_char_boundary(room)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_reordering_do_not_reach_the_terminal() {
        assert_eq!(sanitize("a\x1b[31mb\u{9b}c\u{202e}d\r\n\te"), "a�[31mb�c�d   e");
        assert_eq!(sanitize("µs → 1"), "µs → 1");
    }

    #[test]
    fn clipping_never_splits_a_character_nor_exceeds_the_limit() {
        for limit in 3..12 {
            assert!(clip("äöüßéè", limit).len() <= limit.max(3));
        }
        assert_eq!(clip("äöü", 6), "äöü");
    }
}
