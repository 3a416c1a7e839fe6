//! The published description of the kinds of line.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::after::AfterLine;
use super::resumed::ResumedLine;
use super::{Cell, Header, SCHEMA};

/// The JSON Schema (2020-12) of one line of a record: the header, a cell, how the machine was afterwards, or how a run went on. It describes what is **written**: required
/// are the keys that every line has. Readers are more lenient.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let header = generator.subschema_for::<Header>();
    let cell = generator.subschema_for::<Cell>();
    let after = generator.subschema_for::<AfterLine>();
    let resumed = generator.subschema_for::<ResumedLine>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "One line of a record (JSON Lines): the first line is a Header, every further line a Cell, but for the AfterLine of a run that came to its end and a ResumedLine for each time that it was resumed.",
        "oneOf": [header, cell, after, resumed],
        "$defs": generator.take_definitions(true),
    })
}
