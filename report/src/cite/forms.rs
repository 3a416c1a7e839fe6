//! Citations in the form that a text wants them in.

use serde::Serialize;

use super::sentence::{self, Part, Style, written};
use super::{Citation, Pair};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The sentence.
    Text,
    /// The sentence, escaped, with the command as code.
    Markdown,
    /// An entry for a bibliography.
    Bibtex,
    /// All parts, numbers unrounded.
    Json,
}

impl Citation {
    /// The citation in this form, without a line feed at its end.
    #[must_use]
    pub fn form(&self, form: Form) -> String {
        let title = format!("{}: {}, {}", self.workload, self.mechanism, self.conditions);
        shaped(form, self, &self.sentence, || sentence::of(self), &title, &[self])
    }
}

impl Pair {
    /// As [`Citation::form`].
    #[must_use]
    pub fn form(&self, form: Form) -> String {
        let title = format!("{} against {}", self.other.id, self.base.id);
        shaped(form, self, &self.sentence, || self.parts(), &title, &[&self.other, &self.base])
    }
}

fn shaped(
    form: Form,
    all: &impl Serialize,
    sentence: &str,
    parts: impl FnOnce() -> Vec<Part>,
    title: &str,
    of: &[&Citation],
) -> String {
    match form {
        Form::Text => sentence.to_owned(),
        Form::Markdown => written(&parts(), Style::Markdown),
        Form::Bibtex => bibtex(sentence, title, of),
        // The members are strings, numbers and lists of them: they have a JSON form.
        Form::Json => serde_json::to_string_pretty(all).unwrap_or_default(),
    }
}

fn bibtex(sentence: &str, title: &str, of: &[&Citation]) -> String {
    let digests: Vec<&str> = of.iter().filter_map(|citation| citation.record_sha256.get(..8)).collect();
    let words: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(120).collect();
    let key = format!("ipcmark-{}-{words}", digests.join("-"));
    let date = of.first().map_or("", |citation| citation.started_utc.as_str());
    let year = date.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
    let year = year.map_or_else(String::new, |year| format!("  year         = {{{year}}},\n"));
    let version = of.first().map_or("", |citation| citation.suite.as_str());
    format!(
        "@misc{{{key},\n  title        = {{{{{}}}}},\n{year}  howpublished = {{measured with ipcmark {}}},\n  note         = {{{}}}\n}}",
        latex(title),
        latex(version),
        latex(sentence)
    )
}

/// Text in LaTeX, whatever stands in it.
fn latex(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '`' => escaped += "\\textasciigrave{}",
            // BibTeX counts braces, with and without a backslash.
            '{' => escaped += "\\textbraceleft{}",
            '}' => escaped += "\\textbraceright{}",
            '&' | '%' | '$' | '#' | '_' => {
                escaped.push('\\');
                escaped.push(character);
            }
            'µ' => escaped += "\\textmu{}",
            '×' => escaped += "\\texttimes{}",
            '–' => escaped += "--",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ID, graded};
    use super::super::{cite, pair};
    use super::*;
    use ipcmark_harness::grade::Letter;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    #[test]
    fn each_form_holds_the_value_with_its_unit() {
        let source = graded(Letter::A);
        let citation = cite(&source, ID, false).unwrap();
        assert_eq!(citation.form(Form::Text), citation.sentence);
        let json: serde_json::Value = serde_json::from_str(&citation.form(Form::Json)).unwrap();
        assert_eq!(json["estimate_ns"].as_f64(), source.record.cell(ID).unwrap().estimate_ns);
        let bibtex = citation.form(Form::Bibtex);
        assert!(
            bibtex.starts_with("@misc{ipcmark-00000000-round-trip") && bibtex.contains("\\textmu{}s per operation"),
            "{bibtex}"
        );
        assert!(bibtex.contains("year         = {2026}"));
        let both = pair((&source, ID), (&source, ID), false).unwrap();
        assert!(both.form(Form::Bibtex).contains("takes 1."), "{}", both.form(Form::Bibtex));
    }

    #[test]
    fn markup_of_a_stranger_stays_text() {
        let mut source = graded(Letter::A);
        let bad = "1. <script>alert(1)</script>`x``|}\\](http://x) *a* <!--";
        let cell = &mut source.record.cells[0];
        (cell.mechanism, cell.id, cell.references) = (bad.into(), bad.into(), vec![bad.into()]);
        cell.notes = vec![bad.into()];
        let both = pair((&source, bad), (&source, bad), true).unwrap().form(Form::Markdown);
        for markdown in [cite(&source, bad, true).unwrap().form(Form::Markdown), both] {
            let events: Vec<Event<'_>> = Parser::new_ext(&markdown, Options::all()).collect();
            let is_text = |event: &Event<'_>| {
                matches!(
                    event,
                    Event::Text(_) | Event::Code(_) | Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph)
                )
            };
            assert!(events.iter().all(is_text), "{markdown}: {events:?}");
            assert!(markdown.contains(&format!("```ipcmark run --launches 10 '{bad}'```")), "{markdown}");
        }
        let bibtex = cite(&source, bad, true).unwrap().form(Form::Bibtex);
        assert!(bibtex.contains("\\textbraceright{}\\textbackslash{}"));
        let braces = |brace: char| bibtex.matches(brace).count();
        assert_eq!(braces('{'), braces('}'), "{bibtex}");
    }
}
