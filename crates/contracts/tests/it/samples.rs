//! Golden samples: today's code reads whatever a revision ever wrote, and readers of every revision take what today's
//! code writes.

use contracts::{
    contract::{Contract, EXTENSIBLE},
    schemas,
};
use jsonschema::Validator;
use serde_json::Value;
use std::{fs, path::PathBuf};

/// The revisions of the type, from 1 on, each with its samples.
fn revisions(name: &str) -> Vec<(Value, Vec<Value>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../openapi/events");
    let file = |path: String| fs::read_to_string(folder.join(path)).ok();
    let texts = (1..).map_while(|number| {
        let schema = file(format!("history/{name}/{number}.schema.json"))?;
        Some((schema, file(format!("samples/{name}/{number}.json"))?))
    });
    texts.map(|(schema, samples)| (json(&schema), json(&samples).as_array().unwrap().clone())).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

#[test]
fn todays_code_reads_every_sample_that_was_ever_written() {
    for Contract { name, schema, reread, .. } in schemas::all() {
        let today = validator(schema.as_value());
        let revisions = revisions(&name);
        assert!(!revisions.is_empty(), "{name} has no revision: cargo xtask events");
        for (number, (schema, samples)) in (1..).zip(&revisions) {
            assert!(!samples.is_empty(), "revision {number} of {name} has no samples");
            let then = validator(schema);
            for sample in samples {
                assert!(then.is_valid(sample), "{name} {number} is not fit for its own schema: {sample}");
                assert!(today.is_valid(sample), "{name} {number} is not fit for today's schema: {sample}");
                let read = reread(sample.clone()).unwrap_or_else(|fault| panic!("{name} {number}: {fault}: {sample}"));
                assert!(today.is_valid(&read), "{name} {number} is read as what is not fit: {read}");
                assert_eq!(reread(read.clone()).unwrap(), read, "{name} {number} is read as something else again");
            }
        }
    }
}

#[test]
fn readers_of_every_revision_take_what_todays_code_writes() {
    for Contract { name, samples, .. } in schemas::all() {
        let samples = samples().unwrap();
        assert!(!samples.is_empty(), "{name} has no samples");
        let revisions = revisions(&name);
        let newest = revisions.last().map(|(_, samples)| samples.clone()).unwrap_or_default();
        for (number, (schema, _)) in (1..).zip(&revisions) {
            let reader = validator(schema);
            for sample in samples.iter().chain(&newest).filter(|sample| !is_left_to_newer_readers(schema, sample)) {
                assert!(reader.is_valid(sample), "readers of {name} {number} do not take {sample}");
            }
        }
    }
}

/// Whether it is a variant that readers of this revision know that they do not know.
fn is_left_to_newer_readers(schema: &Value, sample: &Value) -> bool {
    let Some(tag) = schema.get(EXTENSIBLE).and_then(Value::as_str) else { return false };
    let known = schema["oneOf"].as_array().into_iter().flatten();
    known.map(|variant| &variant["properties"][tag]["const"]).all(|known| known != &sample[tag])
}
