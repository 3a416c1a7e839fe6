//! The parameters at the end of an id: `64B-2parties-hold100ns-out0`.

/// How a parameter stands in ids: a number between what comes before and after it.
pub(crate) struct Parameter {
    /// As it is written before `=`.
    pub(crate) name: &'static str,
    /// What an example of it looks like.
    pub(crate) example: &'static str,
    before: &'static str,
    after: &'static [&'static str],
}

const SIZES: &[&str] = &["B", "KiB", "MiB", "GiB"];
const TIMES: &[&str] = &["ns", "us", "ms", "s", ""];

/// Every parameter that ids can have; the first one whose form a word has is what it names.
pub(crate) const PARAMETERS: [Parameter; 11] = [
    Parameter { name: "size", example: "4KiB", before: "", after: SIZES },
    Parameter { name: "parties", example: "4parties", before: "", after: &["party", "parties", "peers"] },
    Parameter { name: "idle", example: "after-100us", before: "after-", after: TIMES },
    Parameter { name: "rate", example: "10kHz", before: "", after: &["Hz", "kHz", "MHz"] },
    Parameter { name: "reads", example: "reads99.0pct", before: "reads", after: &["pct"] },
    Parameter { name: "permits", example: "2permits", before: "", after: &["permit", "permits"] },
    Parameter { name: "hold", example: "hold100ns", before: "hold", after: TIMES },
    Parameter { name: "outside", example: "out10us", before: "out", after: TIMES },
    Parameter { name: "memory", example: "mem64KiB", before: "mem", after: SIZES },
    Parameter { name: "stride", example: "stride64B", before: "stride", after: SIZES },
    Parameter { name: "quantum", example: "q1ms", before: "q", after: TIMES },
];

impl Parameter {
    fn has_form_of(&self, word: &str) -> bool {
        let numbered = |after: &str| {
            let number = word.strip_prefix(self.before).and_then(|rest| rest.strip_suffix(after));
            number.is_some_and(|number| is_plain(number) && number.parse::<f64>().is_ok())
        };
        self.after.iter().any(|after| numbered(after)) || self.name == "hold" && word == CAPTURE
    }
}

/// How a hold and the time outside of it are written where both are 0.
const CAPTURE: &str = "capture";

fn is_plain(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The parameters in the last part of an id: `after-100us` is one.
pub(super) fn split(value: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = value;
    std::iter::from_fn(move || {
        let from = if rest.starts_with("after-") { "after-".len() } else { 0 };
        let end = rest[from..].find('-').map_or(rest.len(), |end| from + end);
        let first = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        (!first.is_empty()).then_some(first)
    })
}

/// Which parameter the word is a value of, or the first of several beside each other.
pub(super) fn kind_of(word: &str) -> Option<usize> {
    let place = |one: &str| PARAMETERS.iter().position(|parameter| parameter.has_form_of(one));
    let mut all = split(word).map(place);
    let first = all.next()??;
    all.all(|place| place.is_some()).then_some(first)
}

/// The word without the name of a parameter before it: `4KiB` of `size=4KiB`.
pub(super) fn after_kind(text: &str) -> &str {
    match text.split_once('=') {
        Some((name, word)) if has_kind(name, word) => word,
        _ => text,
    }
}

fn has_kind(name: &str, word: &str) -> bool {
    kind_of(word).is_some_and(|place| PARAMETERS[place].name == name)
}

/// What a word means that is a parameter but for its capitals: `4KiB` of `4kib` or `4K`.
pub(super) fn respelt(word: &str) -> Option<String> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = word.split_at(digits);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => "B",
        "k" | "kb" | "kib" => "KiB",
        "m" | "mb" | "mib" => "MiB",
        _ => return None,
    };
    (digits > 0).then(|| format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_the_form_of_its_own_parameter() {
        for (place, parameter) in PARAMETERS.iter().enumerate() {
            assert_eq!(kind_of(parameter.example), Some(place), "{}", parameter.name);
        }
        assert_eq!(kind_of("capture"), kind_of("hold1us"));
        assert!(["stride", "nanB", "-1B", "4KiB-x", "", "inf"].iter().all(|word| kind_of(word).is_none()));
    }

    #[test]
    fn idle_time_is_one_parameter() {
        let all: Vec<&str> = split("64B-after-100us-2parties").collect();
        assert_eq!(all, ["64B", "after-100us", "2parties"]);
    }
}
