//! Near misses: what was probably meant by a name that is not there.

/// At most this many are named.
const MOST: usize = 5;
/// Names beyond this length are no near miss of anything, and comparing them takes the product of their lengths.
const LONGEST: usize = 200;

/// The names that contain the given one, or differ from it in few letters, the nearest first.
#[must_use]
pub fn misses<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    if name.len() > LONGEST {
        return Vec::new();
    }
    let allowed = (name.chars().count() / 3).max(2);
    let near = |known: &'a str| {
        let distance = strsim::damerau_levenshtein(name, known);
        let contained = !name.is_empty() && known.contains(name);
        (distance <= allowed || contained).then_some((distance, known))
    };
    let mut found: Vec<(usize, &str)> = known.filter(|known| known.len() <= LONGEST).filter_map(near).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, known)| known.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_letter_too_few_and_a_part_of_a_name_are_near_misses() {
        let known = ["mechanism", "placement", "waiting"];
        assert_eq!(super::misses("mechansm", known.into_iter()), ["mechanism"]);
        assert_eq!(super::misses("place", known.into_iter()), ["placement"]);
        assert!(super::misses(&"x".repeat(10_000), known.into_iter()).is_empty());
    }
}
