//! What criterion will make of this command line, as far as the time estimate and the record must know beforehand.

use regex::Regex;

/// Options of criterion 0.8 that take a value; the next argument is not the filter.
const WITH_VALUE: [&str; 20] = [
    "-c",
    "--color",
    "--colour",
    "-s",
    "--save-baseline",
    "-b",
    "--baseline",
    "--baseline-lenient",
    "--load-baseline",
    "--format",
    "--profile-time",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--plotting-backend",
    "--output-format",
];
/// Modes in which criterion measures nothing anew.
const NOT_MEASURING: [&str; 4] = ["--test", "--list", "--profile-time", "--load-baseline"];

/// This process's arguments.
pub(crate) struct Arguments {
    filter: Option<String>,
    /// The filter compiled; none where it is taken literally, or is invalid, which is criterion's to refuse.
    pattern: Option<Regex>,
    exact: bool,
    /// Whether criterion will measure: `cargo bench` says `--bench`, `cargo test` does not.
    pub(crate) measures: bool,
    /// Whether criterion will run each benchmark once.
    #[allow(dead_code)] // not asked by every bench target
    pub(crate) tests: bool,
}

impl Arguments {
    /// Those that cargo and the user gave.
    pub(crate) fn of_this_process() -> Arguments {
        Arguments::from(std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()))
    }

    fn from(mut args: impl Iterator<Item = String>) -> Arguments {
        let (mut filter, mut exact, mut bench, mut test, mut other_mode) = (None, false, false, false, false);
        while let Some(arg) = args.next() {
            let name = arg.split('=').next().unwrap_or(&arg).to_owned();
            exact |= name == "--exact";
            bench |= name == "--bench";
            test |= name == "--test";
            other_mode |= NOT_MEASURING.contains(&name.as_str());
            if WITH_VALUE.contains(&arg.as_str()) {
                args.next();
            } else if !arg.starts_with('-') {
                filter = Some(arg);
            }
        }
        let pattern = filter.as_deref().filter(|_| !exact).and_then(|filter| Regex::new(filter).ok());
        Arguments { filter, pattern, exact, measures: bench && !other_mode, tests: test || !bench }
    }

    /// Whether the filter means this id: a regular expression, or with `--exact` the id itself.
    pub(crate) fn selects(&self, id: &str) -> bool {
        match &self.filter {
            None => true,
            Some(filter) if self.exact => filter == id,
            Some(_) => self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(id)),
        }
    }

    /// The filter as it was given.
    #[allow(dead_code)] // not asked by every bench target
    pub(crate) fn filter(&self) -> &str {
        self.filter.as_deref().unwrap_or("")
    }
}
