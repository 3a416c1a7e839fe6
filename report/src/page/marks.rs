//! Marks: a number as a small figure whose shape tells series apart where colour does not.

use std::fmt;

use maud::{Markup, Render, html};

use super::number::Number;

/// A place in a drawing, to a tenth of its unit: finer is not seen, and a page has many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let (sign, whole, rest) = (if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10);
        if rest == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{rest}") }
    }
}

impl Render for Px {
    fn render_to(&self, buffer: &mut String) {
        use fmt::Write;
        let _ = write!(buffer, "{self}");
    }
}

/// How many shapes, and colours, tell series apart.
pub(super) const SERIES: usize = 7;

/// The outline of a mark around a place; after the last shape the first comes again.
pub(super) fn outline(shape: usize, x: f64, y: f64) -> String {
    let at = |dx: f64, dy: f64| format!("{} {}", Px(x + dx), Px(y + dy));
    match shape % SERIES {
        0 => format!("M{}a3.5 3.5 0 1 1 0 .1z", at(-3.5, 0.0)),
        1 => format!("M{}h6.4v6.4h-6.4z", at(-3.2, -3.2)),
        2 => format!("M{}l4.2 7h-8.4z", at(0.0, -4.2)),
        3 => format!("M{}l4.4 4.4l-4.4 4.4l-4.4 -4.4z", at(0.0, -4.4)),
        4 => format!("M{}l-4.2 -7h8.4z", at(0.0, 4.2)),
        5 => format!("M{}h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z", at(-1.2, -4.0)),
        _ => format!("M{}l4.2 3.1l-1.6 5h-5.2l-1.6 -5z", at(0.0, -4.3)),
    }
}

/// A number as a mark. `name`: whose it is, for those who point at it.
pub(super) fn mark(number: &Number, name: &str, shape: usize, x: f64, y: f64) -> Markup {
    html! {
        path d=(outline(shape, x, y)) data-n=(number.address) data-v=(number.value) {
            title { (name) ", " (number.heading) ": " (number.text) }
        }
    }
}

/// What the marks of a chart mean.
pub(super) fn legend<'a>(entries: impl IntoIterator<Item = (usize, &'a str, &'a str)>) -> Markup {
    html! {
        ul.legend {
            @for (shape, class, meaning) in entries {
                li { svg.key viewBox="-6 -6 12 12" aria-hidden="true" { path class=(class) d=(outline(shape, 0.0, 0.0)) {} } (meaning) }
            }
        }
    }
}

/// A name in at most so many letters.
pub(super) fn clipped(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_no_needless_digits() {
        assert_eq!([1.0, 1.25, -0.04, -3.06].map(|v| Px(v).to_string()), ["1", "1.3", "0", "-3.1"]);
    }

    #[test]
    fn each_series_has_its_own_shape() {
        let shapes: std::collections::BTreeSet<String> = (0..SERIES).map(|shape| outline(shape, 0.0, 0.0)).collect();
        assert_eq!(shapes.len(), SERIES);
    }
}
