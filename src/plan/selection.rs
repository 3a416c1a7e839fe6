//! The cells of a profile that filters select; where there are none, what has some.

use std::cmp::Reverse;
use std::collections::HashSet;

use ipcmark_harness::placement::Topology;
use ipcmark_report::words;

use super::{Profile, cells, cells_of};
use crate::cell::Cell;
use crate::filters::{Facets, Filters, Vocabulary, question};
use crate::mechanisms;

/// The cells of `profile` that the filters select; all of them without filters. A whole id is taken from every profile.
/// Fails where a filter names nothing, or adds no cell to the others: then with the profile that has some.
pub fn select(profile: Profile, filters: &[String], topology: &Topology) -> Result<Vec<Cell>, NoMatch> {
    if filters.is_empty() {
        return Ok(cells(profile, topology));
    }
    let filters =
        Filters::parse(filters, &Vocabulary::of_registry()).map_err(|unknown| NoMatch(unknown.to_string()))?;
    let mut chosen = selected(profile, &filters, topology);
    let known: HashSet<&str> = chosen.iter().map(|(id, _)| id.as_str()).collect();
    let beyond: Vec<_> =
        whole_ids(&filters, topology).into_iter().filter(|(id, _)| !known.contains(id.as_str())).collect();
    chosen.extend(beyond);
    match without_cells(&filters, &chosen) {
        Some(place) => Err(NoMatch::new(&filters, place, profile, topology)),
        None => Ok(chosen.into_iter().map(|(_, cell)| cell).collect()),
    }
}

/// The place of the first filter that accepts none of these.
fn without_cells(filters: &Filters, chosen: &[(String, Cell)]) -> Option<usize> {
    // Thousands of whole ids are given where a run is resumed.
    let ids: HashSet<&str> = chosen.iter().map(|(id, _)| id.as_str()).collect();
    (0..filters.len()).find(|&place| match filters.is_whole_id(place) {
        true => !ids.contains(filters.text(place)),
        false => chosen.iter().all(|(id, cell)| !accepts(filters, place, id, cell)),
    })
}

fn accepts(filters: &Filters, place: usize, id: &str, cell: &Cell) -> bool {
    filters.uses(place, &Facets { id, family: cell.mechanism.family.name() })
}

/// The cells of a profile that the filters select, each with its id.
fn selected(profile: Profile, filters: &Filters, topology: &Topology) -> Vec<(String, Cell)> {
    let wanted = |workload: &str, mechanism: &str| {
        let family = mechanisms::find(mechanism).map_or("", |mechanism| mechanism.family.name());
        filters.may_select(workload, mechanism, family)
    };
    let with_ids = cells_of(profile, topology, wanted).into_iter().map(|cell| (cell.id(), cell));
    with_ids.filter(|(id, cell)| filters.select(&Facets { id, family: cell.mechanism.family.name() })).collect()
}

/// The cells of all profiles that a filter names with its whole id.
fn whole_ids(filters: &Filters, topology: &Topology) -> Vec<(String, Cell)> {
    let named = |workload: &str, mechanism: &str| filters.may_select_whole(workload, mechanism);
    let with_ids = cells_of(Profile::Full, topology, named).into_iter().map(|cell| (cell.id(), cell));
    with_ids.filter(|(id, _)| filters.select_whole(id)).collect()
}

/// A filter that adds no cell.
#[derive(Debug, PartialEq, Eq)]
pub struct NoMatch(String);

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoMatch {}

impl NoMatch {
    fn new(filters: &Filters, place: usize, profile: Profile, topology: &Topology) -> NoMatch {
        let text = filters.text(place);
        if filters.is_whole_id(place) {
            let near = question(near_ids(text, topology));
            return NoMatch(format!("there is no cell `{text}`; {near}`ipcmark list` shows what there is"));
        }
        let filter = filters.with_other_kinds(place);
        let none = format!("the filter {filter} matches no cell of the {} profile", profile.name());
        let count = |profile| {
            let cells = selected(profile, filters, topology);
            cells.iter().filter(|(id, cell)| accepts(filters, place, id, cell)).count()
        };
        let found = Profile::ALL.into_iter().map(|profile| (profile, count(profile))).find(|(_, cells)| *cells > 0);
        match found {
            Some((profile, cells)) => {
                let (name, cells) = (profile.name(), words::count(cells, "cell"));
                NoMatch(format!("{none}; the {name} profile has {cells}: add `--profile {name}`, or give a whole id"))
            }
            None => NoMatch(format!("{none}, nor of any other; `ipcmark list {text}` shows what there is of it")),
        }
    }
}

/// The whole ids that resemble a misspelt one most, of its workload or of its mechanism.
fn near_ids(id: &str, topology: &Topology) -> Vec<String> {
    if id.len() > 200 {
        return Vec::new();
    }
    let parts: Vec<&str> = id.split('/').collect();
    let named = |workload: &str, mechanism: &str| {
        let is_mechanism = parts.get(4).is_some_and(|given| strsim::damerau_levenshtein(given, mechanism) <= 2);
        let is_workload = parts.first().is_some_and(|given| strsim::damerau_levenshtein(given, workload) <= 2);
        is_workload && is_mechanism
    };
    let mut near: Vec<String> = cells_of(Profile::Full, topology, named).iter().map(Cell::id).collect();
    near.sort_by_cached_key(|near| Reverse((strsim::jaro_winkler(id, near) * 1e9) as u64));
    near.truncate(3);
    near
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use ipcmark_harness::machine::Root;

    fn two_cpus() -> Topology {
        Topology::read(&Root::new("/nowhere"), &[0, 1])
    }

    #[test]
    fn a_whole_id_is_taken_whatever_the_profile() {
        let full = cells(Profile::Full, &two_cpus());
        let beyond = full.iter().map(Cell::id).find(|id| id.ends_with("/256KiB")).unwrap();
        let chosen = select(Profile::Quick, std::slice::from_ref(&beyond), &two_cpus()).unwrap();
        assert_eq!(chosen.iter().map(Cell::id).collect::<Vec<_>>(), [beyond]);
    }

    fn refusal(profile: Profile, filters: &[&str]) -> String {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        select(profile, &filters, &two_cpus()).unwrap_err().to_string()
    }

    #[test]
    fn the_size_is_no_stride_and_no_other_size() {
        let sizes = |cells: Vec<Cell>| cells.iter().map(|cell| cell.setup.payload_bytes).collect::<BTreeSet<_>>();
        let chosen = select(Profile::Standard, &["4KiB".into()], &two_cpus()).unwrap();
        assert_eq!(sizes(chosen), BTreeSet::from([4096]));
        let chosen = select(Profile::Full, &["pipe".into()], &two_cpus()).unwrap();
        assert!(chosen.iter().all(|cell| cell.mechanism.name == "pipe"));
    }

    #[test]
    fn the_least_profile_that_has_some_is_named_with_their_number() {
        let standard = select(Profile::Standard, &["1MiB".into()], &two_cpus()).unwrap().len();
        let said = refusal(Profile::Quick, &["1MiB"]);
        assert!(
            said.contains(&format!("the standard profile has {standard} cells: add `--profile standard`")),
            "{said}"
        );
        let said = refusal(Profile::Quick, &["pipe", "pty"]);
        assert!(said.contains("`pty` matches no cell of the quick profile; the "), "{said}");
        let said = refusal(Profile::Full, &["uncontended", "pipe"]);
        assert!(said.contains("nor of any other"), "{said}");
    }

    #[test]
    fn a_misspelt_id_names_its_like() {
        let said = refusal(Profile::Quick, &["round-trip/process/same-cpu/block/pip/64B"]);
        assert!(said.contains("did you mean `round-trip/process/same-cpu/block/pipe/64B`"), "{said}");
    }

    #[test]
    fn a_filter_that_means_nothing_names_near_misses() {
        let no_match = select(Profile::Quick, &["piep".into()], &two_cpus()).unwrap_err().to_string();
        assert!(no_match.contains("`piep` matches no cell") && no_match.contains("`pipe`"), "{no_match}");
    }

    #[test]
    fn a_filter_that_means_cells_of_another_profile_says_so() {
        let no_match = select(Profile::Quick, &["256KiB".into()], &two_cpus()).unwrap_err().to_string();
        assert!(no_match.contains("--profile full"), "{no_match}");
    }
}
