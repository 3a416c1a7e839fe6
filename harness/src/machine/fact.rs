//! A fact: a value with the place it was read from, or the reason why there is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Facts by the name of their [`Key`](super::Key).
pub type Facts = BTreeMap<String, Fact>;

/// One thing known, or known to be unknown, about a machine.
///
/// In JSON: `{"value": …, "source": "/proc/…"}` or `{"missing": "<reason>", "source": "/proc/…"}`. Numbers are JSON
/// numbers in the unit that ends the fact's name; a limit that does not limit is the string `"unlimited"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Fact {
    /// It could be read.
    Known {
        /// What it is.
        value: Value,
        /// Where it was read.
        source: String,
    },
    /// It could not be read.
    Missing {
        /// Why not, with the path and its error.
        missing: String,
        /// Where it would have been read.
        source: String,
    },
}

impl Fact {
    /// A fact from what reading it gave.
    pub fn from_reading(source: &str, reading: Result<Value, String>) -> Self {
        let source = source.to_owned();
        match reading {
            Ok(value) => Fact::Known { value, source },
            Err(missing) => Fact::Missing { missing, source },
        }
    }

    /// The value, unless it is missing.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Fact::Known { value, .. } => Some(value),
            Fact::Missing { .. } => None,
        }
    }

    /// The reason why it is missing, if it is.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Fact::Known { .. } => None,
            Fact::Missing { missing, .. } => Some(missing),
        }
    }

    /// Where it was, or would have been, read.
    pub fn source(&self) -> &str {
        match self {
            Fact::Known { source, .. } | Fact::Missing { source, .. } => source,
        }
    }

    /// The value as a number, if it is one; `None` for `"unlimited"`.
    pub fn number(&self) -> Option<f64> {
        self.value()?.as_f64()
    }

    /// The value as text, if it is text.
    pub fn text(&self) -> Option<&str> {
        self.value()?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_known_fact_is_written_with_its_source() {
        let fact = Fact::from_reading("/proc/uptime", Ok(json!(12.5)));
        assert_eq!(serde_json::to_value(&fact).unwrap(), json!({"value": 12.5, "source": "/proc/uptime"}));
        assert_eq!(fact.number(), Some(12.5));
    }

    #[test]
    fn a_missing_fact_is_written_with_its_reason() {
        let fact = Fact::from_reading("/proc/uptime", Err("cannot read it".into()));
        let written = serde_json::to_value(&fact).unwrap();
        assert_eq!(written, json!({"missing": "cannot read it", "source": "/proc/uptime"}));
        assert_eq!((fact.value(), fact.missing()), (None, Some("cannot read it")));
    }

    #[test]
    fn facts_survive_json() {
        for fact in [Fact::from_reading("/a", Ok(json!({"b": [1, null]}))), Fact::from_reading("/a", Err("no".into()))]
        {
            let text = serde_json::to_string(&fact).unwrap();
            assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), fact);
        }
    }
}
