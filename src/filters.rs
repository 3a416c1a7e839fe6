//! The filters of the command line: which parts of a cell's id a word names.
//!
//! [`KINDS`] is the list of what can be named. Words of one kind are or-ed, those of different kinds and-ed; a whole id selects its cell
//! whatever else is given. A word is a whole name, or else words within names: `pipe` is the mechanism `pipe` and not
//! `interprocess-unnamed-pipe`, `unix` is every mechanism with that word in its name. The first kind that has it decides.

mod parameters;
mod vocabulary;

use std::collections::HashSet;

use wildmatch::WildMatch;

pub(crate) use vocabulary::question;
pub use vocabulary::{Unknown, Vocabulary, words};

/// What a filter can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// What is done and timed.
    Workload,
    /// What the peer is: a process, a thread.
    Peer,
    /// Which CPUs the parties are pinned to.
    Placement,
    /// How they wait.
    Waiting,
    /// What is measured.
    Mechanism,
    /// What the mechanism is grouped with.
    Family,
    /// A parameter of the workload, by its place in the list of them.
    Parameter(usize),
    /// Parts of ids beside each other, or a glob over whole ids.
    Id,
}

impl Kind {
    /// Words of kinds with the same key are or-ed: a family is a set of mechanisms.
    fn key(self) -> Kind {
        if self == Kind::Family { Kind::Mechanism } else { self }
    }

    /// As it is written before `=`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Parameter(place) => parameters::PARAMETERS[place].name,
            Kind::Id => "id",
            named => KINDS.iter().find(|(kind, _)| *kind == named).map_or("", |(_, name)| name),
        }
    }
}

/// The kinds that have names, in the order in which a word is looked for; parameters follow.
pub const KINDS: [(Kind, &str); 6] = [
    (Kind::Workload, "workload"),
    (Kind::Peer, "peer"),
    (Kind::Placement, "placement"),
    (Kind::Waiting, "waiting"),
    (Kind::Mechanism, "mechanism"),
    (Kind::Family, "family"),
];

/// What filters look at: a cell's id, and the family of its mechanism.
#[derive(Copy, Clone, Debug)]
pub struct Facets<'a> {
    /// `workload/peer/placement/waiting/mechanism/parameters`.
    pub id: &'a str,
    /// The mechanism's, which ids do not have.
    pub family: &'a str,
}

impl<'a> Facets<'a> {
    /// The cell's name of this kind; none where its id has no such part.
    fn name(&self, kind: Kind) -> Option<&'a str> {
        let place = match kind {
            Kind::Workload => 0,
            Kind::Peer => 1,
            Kind::Placement => 2,
            Kind::Waiting => 3,
            Kind::Mechanism => 4,
            Kind::Parameter(_) => 5,
            Kind::Family => return Some(self.family),
            Kind::Id => return Some(self.id),
        };
        self.id.split('/').nth(place)
    }
}

/// How one filter is looked for.
#[derive(Debug)]
enum Test {
    /// The cell's name of a kind is one of these.
    OneOf(Kind, Vec<String>),
    /// The id ends in parameters that have these, beside each other.
    Parameters(Vec<String>),
    /// Whole parts of the id, beside each other.
    Parts(Vec<String>),
    Glob(WildMatch),
    WholeId,
}

/// One filter.
#[derive(Debug)]
struct Clause {
    text: String,
    kind: Kind,
    test: Test,
}

/// Parts of a whole id.
const PARTS: usize = 6;

impl Clause {
    fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Clause, Unknown> {
        let clause = |kind, test| Ok(Clause { text: text.into(), kind, test });
        if text.contains(['*', '?']) {
            return clause(Kind::Id, Test::Glob(WildMatch::new(text)));
        }
        if text.contains('/') {
            let parts: Vec<String> = text.trim_matches('/').split('/').map(str::to_owned).collect();
            return clause(Kind::Id, if parts.len() >= PARTS { Test::WholeId } else { Test::Parts(parts) });
        }
        if let Some((kind, names)) = vocabulary.find(text)? {
            return clause(kind, Test::OneOf(kind, names));
        }
        let word = parameters::after_kind(text);
        match parameters::kind_of(word) {
            Some(place) => {
                let named = parameters::split(word).map(str::to_owned).collect();
                clause(Kind::Parameter(place), Test::Parameters(named))
            }
            None => Err(Unknown::new(text, vocabulary)),
        }
    }

    fn accepts(&self, cell: &Facets<'_>) -> bool {
        match &self.test {
            Test::OneOf(kind, names) => cell.name(*kind).is_some_and(|name| names.iter().any(|one| one == name)),
            Test::Parameters(named) => {
                let value = cell.name(self.kind).unwrap_or_default();
                has_sequence(parameters::split(value), named)
            }
            Test::Parts(parts) => has_sequence(cell.id.split('/'), parts),
            Test::Glob(glob) => glob.matches(cell.id),
            Test::WholeId => cell.id == self.text,
        }
    }

    /// Whether it may accept a cell of these, whatever the rest of its id.
    fn may_accept(&self, workload: &str, mechanism: &str, family: &str) -> bool {
        let has = |names: &[String], name: &str| names.iter().any(|one| one == name);
        match &self.test {
            Test::OneOf(Kind::Workload, names) => has(names, workload),
            Test::OneOf(Kind::Mechanism, names) => has(names, mechanism),
            Test::OneOf(Kind::Family, names) => has(names, family),
            _ => true,
        }
    }

    fn is_whole_id(&self) -> bool {
        matches!(self.test, Test::WholeId)
    }
}

fn workload_and_mechanism(id: &str) -> Option<(String, String)> {
    let mut parts = id.split('/');
    Some((parts.next()?.to_owned(), parts.nth(3)?.to_owned()))
}

fn has_sequence<'a>(mut parts: impl Iterator<Item = &'a str> + Clone, sequence: &[String]) -> bool {
    loop {
        if sequence.iter().map(String::as_str).eq(parts.clone().take(sequence.len())) {
            return true;
        }
        if parts.next().is_none() {
            return false;
        }
    }
}

/// All filters of a command.
#[derive(Debug)]
pub struct Filters {
    clauses: Vec<Clause>,
    /// The whole ids among them, of which there are thousands where a run is resumed; and their workloads and mechanisms.
    ids: HashSet<String>,
    pairs: HashSet<(String, String)>,
}

impl Filters {
    /// Fails at the first word that names nothing in the vocabulary.
    pub fn parse(texts: &[String], vocabulary: &Vocabulary) -> Result<Filters, Unknown> {
        let clauses: Vec<Clause> =
            texts.iter().map(|text| Clause::parse(text, vocabulary)).collect::<Result<_, _>>()?;
        let ids: HashSet<String> =
            clauses.iter().filter(|clause| clause.is_whole_id()).map(|clause| clause.text.clone()).collect();
        let pairs = ids.iter().filter_map(|id| workload_and_mechanism(id)).collect();
        Ok(Filters { clauses, ids, pairs })
    }

    /// Whether the filters select the cell; without any, every cell.
    pub fn select(&self, cell: &Facets<'_>) -> bool {
        self.is_empty() || self.select_whole(cell.id) || self.combined(|clause| clause.accepts(cell))
    }

    /// Whether they may select a cell of these, whatever the rest of its id.
    pub fn may_select(&self, workload: &str, mechanism: &str, family: &str) -> bool {
        self.is_empty()
            || self.may_select_whole(workload, mechanism)
            || self.combined(|clause| clause.may_accept(workload, mechanism, family))
    }

    /// Whether they may select one by its whole id.
    pub fn may_select_whole(&self, workload: &str, mechanism: &str) -> bool {
        self.pairs.contains(&(workload.to_owned(), mechanism.to_owned()))
    }

    /// Whether it is selected by its whole id.
    pub fn select_whole(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    fn combined(&self, accepts: impl Fn(&Clause) -> bool) -> bool {
        let mut words = self.words().peekable();
        words.peek().is_some() && words.all(|word| self.of_kind(word.kind).any(&accepts))
    }

    /// All but whole ids.
    fn words(&self) -> impl Iterator<Item = &Clause> {
        let only_ids = self.ids.len() == self.clauses.len();
        self.clauses.iter().filter(move |clause| !only_ids && !clause.is_whole_id())
    }

    /// Those that are or-ed.
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Clause> {
        self.words().filter(move |clause| clause.kind.key() == kind.key())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.clauses.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The filter of this place as it was written.
    pub fn text(&self, place: usize) -> &str {
        &self.clauses[place].text
    }

    /// Whether the filter of this place is a whole id.
    pub fn is_whole_id(&self, place: usize) -> bool {
        self.clauses[place].is_whole_id()
    }

    /// Whether the filter of this place accepts a cell that all together select.
    pub fn uses(&self, place: usize, cell: &Facets<'_>) -> bool {
        self.clauses[place].accepts(cell)
    }

    /// The filter of this place with those of other kinds: `4KiB` with `pipe`, each between backticks.
    pub fn with_other_kinds(&self, place: usize) -> String {
        let kind = self.clauses[place].kind.key();
        let others = self.words().filter(|other| other.kind.key() != kind);
        let others: Vec<&str> = others.map(|other| other.text.as_str()).collect();
        let with = if others.is_empty() { String::new() } else { format!(" with `{}`", others.join("`, `")) };
        format!("`{}`{with}", self.text(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let names = |kind, names: &[&str]| names.iter().map(|name| (kind, (*name).to_owned())).collect::<Vec<_>>();
        Vocabulary::new(
            [
                names(Kind::Workload, &["round-trip", "stream", "spawn", "stride-walk"]),
                names(Kind::Peer, &["process", "thread"]),
                names(Kind::Mechanism, &["pipe", "tcp", "unix-stream", "interprocess-unnamed-pipe", "std-mutex"]),
                names(Kind::Family, &["pipe", "socket", "mutex", "spawn"]),
            ]
            .concat(),
        )
    }

    const CELLS: [(&str, &str); 7] = [
        ("round-trip/process/same-cpu/block/pipe/64B", "pipe"),
        ("round-trip/process/same-cpu/block/pipe/4KiB", "pipe"),
        ("round-trip/process/same-cpu/block/pipe/64KiB", "pipe"),
        ("round-trip/process/same-cpu/block/interprocess-unnamed-pipe/4KiB", "pipe"),
        ("stream/thread/same-cpu/block/unix-stream/4KiB", "socket"),
        ("stream/process/same-cpu/block/tcp/4KiB-2peers", "socket"),
        ("stride-walk/thread/same-cpu/own/std-mutex/0B-2parties-mem64KiB-stride4KiB", "mutex"),
    ];

    /// The places of the cells above that the filters select.
    fn selected(filters: &[&str]) -> Vec<usize> {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let filters = Filters::parse(&filters, &vocabulary()).unwrap();
        let is_selected = |(_, (id, family)): &(usize, &(&str, &str))| filters.select(&Facets { id, family });
        CELLS.iter().enumerate().filter(is_selected).map(|(place, _)| place).collect()
    }

    #[test]
    fn words_are_whole_names_and_not_letters_in_them() {
        assert_eq!(selected(&["pipe"]), [0, 1, 2]);
        assert_eq!(selected(&["4KiB"]), [1, 3, 4, 5]);
        assert_eq!(selected(&["stride4KiB"]), [6]);
        assert_eq!(selected(&["mem64KiB-stride4KiB"]), [6]);
        assert_eq!(selected(&["stream"]), [4, 5]);
        assert_eq!(selected(&["unix"]), [4]);
        assert_eq!(selected(&["unnamed-pipe"]), [3]);
    }

    #[test]
    fn words_of_one_kind_are_or_ed_and_of_different_kinds_and_ed() {
        assert_eq!(selected(&["pipe", "tcp", "4KiB", "process"]), [1, 5]);
        assert_eq!(selected(&["64B", "64KiB", "pipe"]), [0, 2]);
        assert_eq!(selected(&["pipe", "socket"]), [0, 1, 2, 4, 5]);
        assert!(selected(&["socket", "thread", "2peers"]).is_empty());
    }

    #[test]
    fn the_kind_can_be_named() {
        assert_eq!(selected(&["family=pipe"]), [0, 1, 2, 3]);
        assert_eq!(selected(&["mechanism=pipe", "size=4KiB"]), [1]);
        let unknown = Filters::parse(&["family=pip".into()], &vocabulary()).unwrap_err().to_string();
        assert!(unknown.contains("no family `pip`") && unknown.contains("`family=pipe`"), "{unknown}");
    }

    #[test]
    fn a_whole_id_is_selected_whatever_else_is() {
        assert_eq!(selected(&[CELLS[6].0]), [6]);
        assert_eq!(selected(&[CELLS[6].0, "tcp"]), [5, 6]);
    }

    #[test]
    fn parts_beside_each_other_and_globs_are_over_ids() {
        assert_eq!(selected(&["pipe/64B"]), [0]);
        assert_eq!(selected(&["stream/"]), [4, 5]);
        assert_eq!(selected(&["*/4KiB", "pipe/64B"]), [0, 1, 3, 4]);
        assert_eq!(selected(&["*/4KiB", "pipe"]), [1]);
        assert!(selected(&["ipe/64B"]).is_empty());
    }

    #[test]
    fn what_names_nothing_suggests_what_does() {
        let said = |word: &str| Filters::parse(&[word.into()], &vocabulary()).unwrap_err().to_string();
        assert!(said("mutx").contains("`mutex`"), "{}", said("mutx"));
        assert!(said("mutexes").contains("`mutex`"), "{}", said("mutexes"));
        assert!(said("piep").contains("`pipe`"), "{}", said("piep"));
        assert!(said("4kib").contains("`4KiB`"), "{}", said("4kib"));
        assert!(said("qqqqqqqq").contains("ipcmark list"), "{}", said("qqqqqqqq"));
    }
}
