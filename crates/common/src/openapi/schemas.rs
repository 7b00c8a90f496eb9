//! Schemas as generators of clients read them: what may be absent is not null, what is open says so, and what has a
//! name is referred to by it.

use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// How a decimal is written: exactly, so as a string.
const DECIMAL: &str = r"^-?\d+(\.\d+)?$";

/// Completes every schema of `document`.
pub(super) fn complete(document: &mut Value) {
    let names = names(document);
    each(document, &mut |schema, is_named| {
        if !is_named {
            refer(schema, &names);
        }
    });
    each(document, &mut |schema, _| {
        let Some(schema) = schema.as_object_mut() else { return };
        absent_is_not_null(schema);
        say_that_it_is_open(schema);
        if schema.get("format").is_some_and(|format| format == "decimal") {
            schema.entry("pattern").or_insert_with(|| DECIMAL.into());
        }
    });
}

/// The named schemas by their content; two names for one content are none.
fn names(document: &Value) -> HashMap<String, Option<String>> {
    let mut names = HashMap::new();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let name = Some(format!("#/components/schemas/{name}"));
        names.entry(schema.to_string()).and_modify(|known| *known = None).or_insert(name);
    }
    names
}

/// Replaces a copy of a named object.
fn refer(schema: &mut Value, names: &HashMap<String, Option<String>>) {
    if schema.get("properties").is_none() {
        return;
    }
    if let Some(Some(name)) = names.get(&schema.to_string()) {
        *schema = json!({"$ref": name});
    }
}

/// A property that need not be there is left out when it is empty, never null; one that may be null is always there.
fn absent_is_not_null(schema: &mut Map<String, Value>) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| required.as_array().is_some_and(|names| names.iter().any(|each| each == name));
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (_, property) in properties.into_iter().flatten().filter(|(name, _)| !is_required(name)) {
        never_null(property);
    }
}

/// Takes null from what a schema allows.
fn never_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("oneOf") {
        kinds.retain(|kind| kind["type"] != "null");
        if let [Value::Object(only)] = &kinds[..] {
            let only = only.clone();
            schema.remove("oneOf");
            schema.extend(only);
        }
    }
}

/// Without a word about it generators take an object without properties for one that has none.
fn say_that_it_is_open(schema: &mut Map<String, Value>) {
    let closed = ["properties", "additionalProperties", "allOf", "oneOf", "anyOf"];
    let is_object = |kind: &Value| {
        kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
    };
    if schema.get("type").is_some_and(is_object) && !closed.iter().any(|key| schema.contains_key(*key)) {
        schema.insert("additionalProperties".into(), true.into());
    }
}

/// Calls `act` with every schema, and whether it has a name; the inner ones first.
fn each(document: &mut Value, act: &mut impl FnMut(&mut Value, bool)) {
    for schema in values(document.pointer_mut("/components/schemas")) {
        inside(schema, act);
        act(schema, true);
    }
    for operation in values(document.get_mut("paths")).flat_map(|item| values(Some(item))) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        parameters.filter_map(|parameter| parameter.get_mut("schema")).for_each(|schema| within(schema, act));
        let body = operation.pointer_mut("/requestBody/content");
        values(body).filter_map(|media| media.get_mut("schema")).for_each(|schema| {
            // One that may be absent is not null either.
            never_null(schema);
            within(schema, act);
        });
        for answer in values(operation.get_mut("responses")) {
            let media = values(answer.get_mut("content"));
            media.filter_map(|media| media.get_mut("schema")).for_each(|schema| within(schema, act));
        }
    }
}

fn within(schema: &mut Value, act: &mut impl FnMut(&mut Value, bool)) {
    inside(schema, act);
    act(schema, false);
}

fn inside(schema: &mut Value, act: &mut impl FnMut(&mut Value, bool)) {
    values(schema.get_mut("properties")).for_each(|schema| within(schema, act));
    for key in ["items", "additionalProperties"] {
        schema.get_mut(key).into_iter().filter(|schema| schema.is_object()).for_each(|schema| within(schema, act));
    }
    for key in ["allOf", "oneOf", "anyOf", "prefixItems"] {
        let schemas = schema.get_mut(key).and_then(Value::as_array_mut);
        schemas.into_iter().flatten().for_each(|schema| within(schema, act));
    }
}

fn values(object: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    object.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(schemas: Value) -> Value {
        let mut document = json!({"components": {"schemas": schemas}});
        complete(&mut document);
        document["components"]["schemas"].take()
    }

    #[test]
    fn what_may_be_absent_is_not_null_and_what_may_be_null_is_there() {
        let nullable = || json!({"type": ["string", "null"]});
        let named = json!({"description": "d", "oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/B"}]});
        let properties = json!({"always": nullable(), "now_and_then": nullable(), "named": named});
        let schemas = completed(json!({"A": {"type": "object", "required": ["always"], "properties": properties}}));
        let expected = json!({"always": nullable(), "now_and_then": {"type": "string"},
            "named": {"description": "d", "$ref": "#/components/schemas/B"}});
        assert_eq!(schemas["A"]["properties"], expected);
    }

    #[test]
    fn an_object_without_properties_is_open_and_says_so() {
        let schemas = completed(json!({"Settings": {"type": "object"},
            "List": {"type": "array", "items": {"type": ["object", "null"]}}, "Text": {"type": "string"},
            "Prices": {"type": "object", "additionalProperties": {"type": "string", "format": "decimal"}}}));
        assert_eq!(schemas["Settings"]["additionalProperties"], true);
        assert_eq!(schemas["List"]["items"]["additionalProperties"], true);
        assert_eq!(schemas["Text"], json!({"type": "string"}));
        assert_eq!(schemas["Prices"]["additionalProperties"]["pattern"], DECIMAL);
    }

    #[test]
    fn a_copy_of_what_has_a_name_becomes_a_reference() {
        let role = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let page = json!({"type": "object", "properties": {"items": {"type": "array", "items": role.clone()}}});
        let schemas = completed(json!({"Role": role, "Page_Role": page}));
        assert_eq!(schemas["Page_Role"]["properties"]["items"]["items"], json!({"$ref": "#/components/schemas/Role"}));
        assert_eq!(schemas["Role"]["properties"]["name"], json!({"type": "string"}));
    }
}
