//! Words of JSON Schema, read: what a schema says whichever way it is written.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

const UNIONS: [&str; 2] = ["oneOf", "anyOf"];
const EVERY_TYPE: [&str; 7] = ["array", "boolean", "fraction", "integer", "null", "object", "string"];

/// With its references followed and its conjunctions (`allOf`) put together.
pub fn resolved(root: &Value, schema: &Value) -> Value {
    const ENOUGH: usize = 16;
    let mut schema = schema.clone();
    for _ in 0..ENOUGH {
        let Some(fields) = schema.as_object_mut() else { break };
        let target = fields.remove("$ref");
        let target = target.as_ref().and_then(Value::as_str).and_then(|target| root.pointer(target.strip_prefix('#')?));
        let parts = match fields.remove("allOf") {
            Some(Value::Array(parts)) => parts,
            _ => Vec::new(),
        };
        if target.is_none() && parts.is_empty() {
            break;
        }
        schema = target.into_iter().chain(&parts).fold(schema, |whole, part| merged(part, &whole));
    }
    schema
}

/// One variant of a union, with what the union says of all.
pub fn variant_of(union: &Value, variant: &Value) -> Value {
    let mut all = union.clone();
    if let Some(words) = all.as_object_mut() {
        words.retain(|word, _| !UNIONS.contains(&word.as_str()));
    }
    merged(&all, variant)
}

/// Both: the fields of either; of the rest what `part` says counts.
fn merged(base: &Value, part: &Value) -> Value {
    let (Some(base), Some(part)) = (base.as_object(), part.as_object()) else { return part.clone() };
    let mut whole: Map<String, Value> = base.clone();
    for (word, value) in part {
        match (whole.get_mut(word), value) {
            (Some(Value::Object(here)), Value::Object(there)) if word == "properties" => {
                here.extend(there.clone());
            }
            (Some(Value::Array(here)), Value::Array(there)) if word == "required" => here.extend(there.clone()),
            _ => drop(whole.insert(word.clone(), value.clone())),
        }
    }
    Value::Object(whole)
}

/// The variants of a union; none if it is an enumeration.
pub fn alternatives(schema: &Value) -> Option<Vec<Value>> {
    if values(schema).is_some() {
        return None;
    }
    UNIONS.iter().find_map(|word| schema.get(word)?.as_array().cloned())
}

/// The values of an enumeration, however it is written: `enum`, `const`, or `oneOf` of those.
pub fn values(schema: &Value) -> Option<BTreeSet<String>> {
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        return Some(listed.iter().map(Value::to_string).collect());
    }
    if let Some(only) = schema.get("const") {
        return Some(BTreeSet::from([only.to_string()]));
    }
    let variants = UNIONS.iter().find_map(|word| schema.get(word)?.as_array())?;
    variants.iter().map(values).try_fold(BTreeSet::new(), |all, some| Some(&all | &some?))
}

/// The types of a value; all if the schema does not say. A `number` is an integer or a fraction.
pub fn types(schema: &Value) -> BTreeSet<&str> {
    let named = match schema.get("type") {
        Some(Value::String(only)) => BTreeSet::from([only.as_str()]),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => values(schema).map_or(BTreeSet::from(EVERY_TYPE), |values| values.iter().map(|text| kind(text)).collect()),
    };
    let number: &[&str] = if named.contains("number") { &["fraction", "integer"] } else { &[] };
    named.into_iter().filter(|kind| *kind != "number").chain(number.iter().copied()).collect()
}

/// Of a value in JSON.
fn kind(text: &str) -> &'static str {
    match serde_json::from_str(text) {
        Ok(Value::String(_)) => "string",
        Ok(Value::Bool(_)) => "boolean",
        Ok(Value::Number(number)) if number.is_f64() => "fraction",
        Ok(Value::Number(_)) => "integer",
        Ok(Value::Array(_)) => "array",
        Ok(Value::Object(_)) => "object",
        Ok(Value::Null) | Err(_) => "null",
    }
}

pub fn required(schema: &Value) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether fields that it does not name are forbidden.
pub fn closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}
