//! Comparison of two revisions of a JSON Schema. Can readers of each read what writers of the other write?
//!
//! A writer writes the fields that its schema names and no other; a reader ignores fields that it does not know. So
//! there is one question, asked twice (FULL compatibility, as schema registries call it): *backward*, whether readers
//! of the new revision read messages of the old one, and *forward*, whether readers of the old revision, which live on
//! while a deploy is under way, read messages of the new one.
//!
//! | change | backward | forward |
//! | --- | --- | --- |
//! | a new field that may be absent; better prose | reads | reads |
//! | a field is removed | – | breaks: its readers miss it |
//! | a field becomes required; a new one is | breaks | reads |
//! | a required field becomes optional | reads | breaks |
//! | another type or format; `null` is allowed or forbidden | one of both breaks | one of both breaks |
//! | a limit (length, range, pattern, number of items) is new or narrower | breaks | reads |
//! | a limit is gone or wider | reads | breaks |
//! | a value of an enumeration, a variant of a union is new | reads | breaks |
//! | a value or variant is gone | breaks | reads |
//! | unknown fields are forbidden from now on | breaks if any were named | reads |
//!
//! So nothing changes but for new optional fields. The one exception: a union that says `x-extensible` gets variants,
//! as its readers leave a message with one that they do not know to readers that do. There is none for enumerations: a
//! value that may grow is a text, or the message a new type.

mod words;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use words::{alternatives, closed, required, resolved, types, values, variant_of};

/// The property that tells the variants of a union apart that gets more of them.
const EXTENSIBLE: &str = "x-extensible";
/// Limits that a reader's value must not be above …
const LOWER: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// … and not below …
const UPPER: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// … and those that must be the same, or absent.
const EXACT: [&str; 5] = ["format", "pattern", "multipleOf", "uniqueItems", "propertyNames"];

/// One sentence a break, each with the place; empty if old and new understand each other.
pub fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let backward = Comparison::new(new, old, false).run().into_iter().map(|what| format!("backward, {what}"));
    let forward = Comparison::new(old, new, true).run().into_iter().map(|what| format!("forward, {what}"));
    backward.chain(forward).collect()
}

struct Comparison<'a> {
    reader: &'a Value,
    writer: &'a Value,
    /// The writer is the newer one, so a field that it does not write was removed.
    forward: bool,
    /// Pairs of references followed already: a type may contain itself.
    visited: BTreeSet<(String, String)>,
    found: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(reader: &'a Value, writer: &'a Value, forward: bool) -> Self {
        Self { reader, writer, forward, visited: BTreeSet::new(), found: Vec::new() }
    }

    fn run(mut self) -> Vec<String> {
        self.schema("", self.reader, self.writer);
        self.found
    }

    fn tell(&mut self, path: &str, what: &str) {
        let path = if path.is_empty() { "the data" } else { path.trim_start_matches('.') };
        self.found.push(format!("{path} {what}"));
    }

    /// Whether each value of the writer is one of the reader's.
    fn schema(&mut self, path: &str, reader: &Value, writer: &Value) {
        let reference = |schema: &Value| schema["$ref"].as_str().unwrap_or_default().to_owned();
        let pair = (reference(reader), reference(writer));
        if !pair.0.is_empty() && !pair.1.is_empty() && !self.visited.insert(pair) {
            return;
        }
        let (reader, writer) = (resolved(self.reader, reader), resolved(self.writer, writer));
        match alternatives(&writer) {
            Some(variants) => self.each_variant(path, &reader, &writer, &variants),
            None => self.value(path, &reader, &writer),
        }
    }

    fn each_variant(&mut self, path: &str, reader: &Value, writer: &Value, variants: &[Value]) {
        for variant in variants {
            let variant = variant_of(writer, &resolved(self.writer, variant));
            if !(self.forward && is_left_to_newer_readers(reader, &variant)) {
                self.schema(path, reader, &variant);
            }
        }
    }

    /// A writer without variants.
    fn value(&mut self, path: &str, reader: &Value, writer: &Value) {
        if let Some(variants) = alternatives(reader) {
            return self.any_variant(path, reader, writer, &variants);
        }
        if let Some(known) = values(reader) {
            match values(writer) {
                None => self.tell(path, "may have a value outside its enumeration"),
                Some(written) => {
                    for value in written.difference(&known) {
                        self.tell(path, &format!("may be {value}, which is not known"));
                    }
                }
            }
            return;
        }
        let strange: Vec<_> = types(writer).difference(&types(reader)).copied().collect();
        if !strange.is_empty() {
            return self.tell(path, &format!("may be of type {}", strange.join(", ")));
        }
        self.limits(path, reader, writer);
        self.fields(path, reader, writer);
        self.nested(&format!("{path}[]"), "array", "items", reader, writer);
        if !closed(reader) {
            self.nested(&format!("{path}.*"), "object", "additionalProperties", reader, writer);
        }
    }

    /// One of the reader's variants must take it; where none does, the one that is meant says why.
    fn any_variant(&mut self, path: &str, reader: &Value, writer: &Value, variants: &[Value]) {
        let trials = variants.iter().map(|variant| {
            let variant = variant_of(reader, &resolved(self.reader, variant));
            let visited = self.visited.clone();
            let mut trial = Comparison { visited, found: Vec::new(), ..*self };
            trial.schema(path, &variant, writer);
            (variant, trial.found)
        });
        let trials: Vec<_> = trials.collect();
        if trials.iter().any(|(_, found)| found.is_empty()) {
            return;
        }
        let meant = trials.into_iter().find(|(variant, _)| tag(variant).is_some() && tag(variant) == tag(writer));
        match (meant, tag(writer)) {
            (Some((_, found)), _) => self.found.extend(found),
            (None, Some(tag)) => self.tell(path, &format!("may be the variant {tag}, which is not known")),
            (None, None) => self.tell(path, "may be what no variant takes"),
        }
    }

    fn limits(&mut self, path: &str, reader: &Value, writer: &Value) {
        let number = |schema: &Value, word: &str| schema.get(word).and_then(Value::as_f64);
        for word in LOWER.into_iter().filter(|word| number(reader, word).is_some()) {
            if number(writer, word).is_none_or(|written| Some(written) < number(reader, word)) {
                self.tell(path, &format!("may be below {word} {}", reader[word]));
            }
        }
        for word in UPPER.into_iter().filter(|word| number(reader, word).is_some()) {
            if number(writer, word).is_none_or(|written| Some(written) > number(reader, word)) {
                self.tell(path, &format!("may be above {word} {}", reader[word]));
            }
        }
        for word in EXACT.into_iter().filter(|word| reader.get(word).is_some() && reader.get(word) != writer.get(word))
        {
            self.tell(path, &format!("may break {word} {}", reader[word]));
        }
    }

    fn fields(&mut self, path: &str, reader: &Value, writer: &Value) {
        let (known, written) = (properties(reader), properties(writer));
        for (name, schema) in &known {
            let field = format!("{path}.{name}");
            match written.get(name) {
                Some(written) => self.schema(&field, schema, written),
                None if written.is_empty() => {
                    self.schema(&field, schema, writer.get("additionalProperties").unwrap_or(&Value::Bool(true)))
                }
                None if self.forward => self.tell(&field, "was removed"),
                None => {}
            }
        }
        for name in required(reader).difference(&required(writer)) {
            if written.contains_key(*name) || !self.forward || written.is_empty() {
                self.tell(&format!("{path}.{name}"), "may be missing");
            }
        }
        for (name, schema) in written.iter().filter(|(name, _)| !known.contains_key(*name)) {
            let field = format!("{path}.{name}");
            match reader.get("additionalProperties") {
                Some(Value::Bool(false)) => self.tell(&field, "is not allowed"),
                Some(any) => self.schema(&field, any, schema),
                None => {}
            }
        }
    }

    /// What all items, or all values of a map, have in common.
    fn nested(&mut self, path: &str, kind: &str, word: &str, reader: &Value, writer: &Value) {
        let Some(read) = reader.get(word) else { return };
        let names_its_fields = word == "additionalProperties" && !properties(writer).is_empty();
        match writer.get(word) {
            Some(written) => self.schema(path, read, written),
            None if types(writer).contains(kind) && !names_its_fields => self.schema(path, read, &Value::Bool(true)),
            None => {}
        }
    }
}

fn is_left_to_newer_readers(reader: &Value, variant: &Value) -> bool {
    let Some(tag) = reader.get(EXTENSIBLE).and_then(Value::as_str) else { return false };
    let known = alternatives(reader).unwrap_or_default();
    let named = &variant["properties"][tag]["const"];
    named.is_string() && known.iter().all(|known| &known["properties"][tag]["const"] != named)
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// What tells one variant from another: the value of a constant field.
fn tag(schema: &Value) -> Option<String> {
    properties(schema).values().find_map(|property| property.get("const").map(Value::to_string))
}
