//! Numbers in texts, so that `64B` stands before `4KiB`, and `9` before `10`.

use std::cmp::Ordering;

const UNITS: [(&str, f64); 12] = [
    ("", 1.0),
    ("B", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("K", 1e3),
    ("M", 1e6),
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
];

/// The text as a number with its unit; none: it is none.
pub(crate) fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    Some(number.replace('_', "").parse::<f64>().ok()? * factor)
}

/// Parts between slashes: as numbers where both are, else as text.
pub(crate) fn by_amounts(one: &str, other: &str) -> Ordering {
    let part = |(one, other): (&str, &str)| match (amount(one), amount(other)) {
        (Some(a), Some(b)) => a.total_cmp(&b).then_with(|| one.cmp(other)),
        // Numbers first, so that the order is one whatever is compared with what.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    };
    let parts = one.split('/').zip(other.split('/')).map(part);
    parts.fold(Ordering::Equal, Ordering::then).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_ascend_as_numbers_with_their_units() {
        let mut ids = ["g/f/10", "g/f/9", "g/f/4KiB", "g/f/64B", "g/e/100", "g/f/all", "g/f/1MiB"];
        ids.sort_by(|a, b| by_amounts(a, b));
        assert_eq!(ids, ["g/e/100", "g/f/9", "g/f/10", "g/f/64B", "g/f/4KiB", "g/f/1MiB", "g/f/all"]);
        assert_eq!((amount("1_000"), amount("10 ms"), amount("x1"), amount("1x")), (Some(1e3), Some(1e7), None, None));
    }
}
