use fastrand::Rng;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::*;

/// Parts that are markup somewhere, alone or with their neighbours.
const PARTS: [&str; 56] = [
    "`",
    "``",
    "```",
    "<script>",
    "</b>",
    "<!--",
    "-->",
    "|",
    "||",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "[",
    "](",
    "](http://x)",
    ")",
    "!",
    "![",
    "<http://a.b>",
    "http://a.b",
    "https://a.b/c",
    "www.a.b",
    "a@b.c",
    "@user",
    "#",
    "# ",
    "- ",
    "+ ",
    "1. ",
    "2) ",
    "> ",
    "=",
    "---",
    "***",
    "===",
    "&amp;",
    "&",
    "&#64;",
    "\\",
    "\\\\",
    "\n",
    "\n\n",
    "\t",
    "    ",
    " ",
    "\u{202e}",
    "\x1b[31m",
    "\u{9b}",
    "a",
    "pipe",
    ":-|",
    "$x$",
    "{",
    "é",
];

fn hostile(random: &mut Rng) -> String {
    (0..random.usize(0..9)).map(|_| PARTS[random.usize(..PARTS.len())]).collect()
}

/// What a reader sees of one paragraph or table cell, and any markup that it has beside code.
fn rendered(markdown: &str) -> (String, Vec<String>) {
    let (mut seen, mut markup) = (String::new(), Vec::new());
    for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        match event {
            Event::Text(text) | Event::Code(text) => seen += &text,
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            other => markup.push(format!("{other:?}")),
        }
    }
    (seen, markup)
}

fn plain(text: &str) -> String {
    sanitize(text).trim().to_owned()
}

#[test]
fn whatever_a_text_holds_it_comes_out_as_itself() {
    let mut random = Rng::with_seed(14);
    for _ in 0..3_000 {
        let hostile = hostile(&mut random);
        for (markdown, expected) in [
            (line(&hostile), plain(&hostile)),
            (format!("a {}", text(&hostile)), format!("a {}", sanitize(&hostile)).trim().to_owned()),
            (format!("a {} z", code(&hostile)), format!("a {} z", sanitize(&hostile))),
        ] {
            let (seen, markup) = rendered(&markdown);
            assert_eq!(seen.trim(), expected, "{hostile:?} as {markdown:?}");
            assert!(markup.is_empty(), "{hostile:?} as {markdown:?}: {markup:?}");
        }
    }
}

#[test]
fn a_cell_of_a_table_stays_one_cell() {
    let mut random = Rng::with_seed(15);
    for _ in 0..3_000 {
        let hostile = hostile(&mut random);
        let table = format!("| a | b |\n|---|---|\n| {} | z |\n", text(&hostile));
        let mut cells = Vec::new();
        for event in Parser::new_ext(&table, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::TableCell) => cells.push(String::new()),
                Event::Text(text) | Event::Code(text) => cells.last_mut().unwrap().push_str(&text),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow) | Event::End(_) => {}
                other => panic!("{hostile:?} as {table:?}: {other:?}"),
            }
        }
        let seen: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        assert_eq!(seen, ["a", "b", plain(&hostile).as_str(), "z"], "{table:?}");
    }
}

#[test]
fn what_github_links_or_notifies_without_markup_is_broken_up() {
    assert_eq!(text("see https://a.b and www.a.b"), "see https\\://a.b and www\\.a.b");
    assert_eq!(text("@all a@b.c"), "`@all` `a@b.c`");
    assert_eq!(text("round-trip/process (64B)"), "round-trip/process (64B)");
}
