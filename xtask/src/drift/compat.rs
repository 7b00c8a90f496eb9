//! Comparison of JSON Schemas. Which changes break a reader or a writer of the version before? A field removed or
//! retyped, a new required field, a narrowed enum.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One sentence a change, each with the path of the field.
pub fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old_root: old, new_root: new, visited: BTreeSet::new(), found: Vec::new() };
    comparison.schema("", old, new);
    comparison.found
}

/// Whatever else a schema says (titles, descriptions, limits) changes nothing for those who read fields by name and
/// type.
struct Comparison<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    /// Pairs of references followed already: a type may contain itself.
    visited: BTreeSet<(String, String)>,
    found: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn schema(&mut self, path: &str, old: &'a Value, new: &'a Value) {
        let pair = (reference(old).to_owned(), reference(new).to_owned());
        if !pair.0.is_empty() && !pair.1.is_empty() && !self.visited.insert(pair) {
            return;
        }
        let (old, new) = (resolve(self.old_root, old), resolve(self.new_root, new));
        if let (Some(before), Some(after)) = (values(old), values(new)) {
            let lost: Vec<_> = before.difference(&after).map(String::as_str).collect();
            if !lost.is_empty() {
                self.found.push(format!("{} no longer allows {}", shown(path), lost.join(", ")));
            }
            return;
        }
        if (types(old), old.get("format"), values(old).is_some())
            != (types(new), new.get("format"), values(new).is_some())
        {
            self.found.push(format!("{} changed its type", shown(path)));
            return;
        }
        self.properties(path, old, new);
        self.required(path, old, new);
        self.nested(path, "[]", old.get("items"), new.get("items"));
        self.nested(path, ".*", old.get("additionalProperties"), new.get("additionalProperties"));
        self.variants(path, old, new);
    }

    fn properties(&mut self, path: &str, old: &'a Value, new: &'a Value) {
        let Some(before) = old.get("properties").and_then(Value::as_object) else { return };
        for (name, schema) in before {
            let path = format!("{path}.{name}");
            match new.get("properties").and_then(|after| after.get(name)) {
                Some(after) => self.schema(&path, schema, after),
                None => self.found.push(format!("{} was removed", shown(&path))),
            }
        }
    }

    fn required(&mut self, path: &str, old: &Value, new: &Value) {
        for name in required(new).difference(&required(old)) {
            self.found.push(format!("{} is newly required", shown(&format!("{path}.{name}"))));
        }
    }

    fn nested(&mut self, path: &str, suffix: &str, old: Option<&'a Value>, new: Option<&'a Value>) {
        match (old, new) {
            (Some(old), Some(new)) => self.schema(&format!("{path}{suffix}"), old, new),
            (Some(_), None) | (None, Some(_)) => {
                self.found.push(format!("{} changed its type", shown(&format!("{path}{suffix}"))))
            }
            (None, None) => {}
        }
    }

    /// Each variant of before must still be there, possibly with more to it; new ones are welcome.
    fn variants(&mut self, path: &str, old: &'a Value, new: &'a Value) {
        let (before, after) = (variants(old), variants(new));
        for (index, variant) in before.iter().enumerate() {
            let lives_on = after.iter().any(|candidate| {
                let mut trial = Comparison {
                    old_root: self.old_root,
                    new_root: self.new_root,
                    visited: self.visited.clone(),
                    found: Vec::new(),
                };
                trial.schema(path, variant, candidate);
                trial.found.is_empty()
            });
            if !lives_on {
                self.found.push(format!(
                    "{} lost its variant {} ({})",
                    shown(path),
                    index + 1,
                    label(self.old_root, variant)
                ));
            }
        }
        if before.is_empty() && !after.is_empty() {
            self.found.push(format!("{} changed its type", shown(path)));
        }
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the message" } else { path.trim_start_matches('.') }
}

fn reference(schema: &Value) -> &str {
    schema.get("$ref").and_then(Value::as_str).unwrap_or_default()
}

/// Follows references within the document.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    const ENOUGH: usize = 16;
    let mut schema = schema;
    for _ in 0..ENOUGH {
        let target = reference(schema).strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let Some(target) = target else { break };
        schema = target;
    }
    schema
}

/// The values of an enumeration, however it is written: `enum`, `const`, or `oneOf` of those.
fn values(schema: &Value) -> Option<BTreeSet<String>> {
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        return Some(listed.iter().map(Value::to_string).collect());
    }
    if let Some(only) = schema.get("const") {
        return Some(BTreeSet::from([only.to_string()]));
    }
    let variants = schema.get("oneOf").and_then(Value::as_array)?;
    variants.iter().map(values).try_fold(BTreeSet::new(), |all, some| Some(&all | &some?))
}

fn types(schema: &Value) -> BTreeSet<&str> {
    match schema.get("type") {
        Some(Value::String(only)) => BTreeSet::from([only.as_str()]),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn variants(schema: &Value) -> Vec<&Value> {
    ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| schema.get(*word)?.as_array()).flatten().collect()
}

/// What tells one variant from another: the value of its tag, else its keys.
fn label(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    let tag = properties.and_then(|all| all.values().find_map(|property| Some(property.get("const")?.to_string())));
    let keys = |all: &Map<String, Value>| all.keys().cloned().collect::<Vec<_>>().join(", ");
    tag.or_else(|| properties.map(keys)).unwrap_or_else(|| schema.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn old() -> Value {
        let note = json!({ "type": ["string", "null"] });
        let properties = json!({ "email": { "type": "string" }, "plan": { "$ref": "#/$defs/Plan" }, "note": note });
        let mut schema = message(properties, &["email"]);
        schema["$defs"] = json!({ "Plan": { "type": "string", "enum": ["free", "paid"] } });
        schema
    }

    #[test]
    fn prose_limits_and_optional_additions_are_compatible() {
        let mut new = old();
        new["description"] = json!("better");
        new["properties"]["email"]["maxLength"] = json!(254);
        new["properties"]["phone"] = json!({ "type": "string" });
        new["$defs"]["Plan"] =
            json!({ "oneOf": [{ "const": "free", "description": "x" }, { "enum": ["paid", "trial"] }] });
        assert_eq!(breaking_changes(&old(), &new), Vec::<String>::new());
    }

    #[test]
    fn each_incompatible_change_is_named() {
        type Case = (fn(&mut Value), &'static [&'static str]);
        let cases: [Case; 8] = [
            (|new| drop(new["properties"].as_object_mut().unwrap().remove("email")), &["email was removed"]),
            (|new| new["properties"]["email"] = json!({ "type": "integer" }), &["email changed its type"]),
            (|new| new["properties"]["email"]["type"] = json!(["string", "null"]), &["email changed its type"]),
            (|new| new["properties"]["email"]["format"] = json!("uuid"), &["email changed its type"]),
            (|new| new["properties"]["email"] = json!({}), &["email changed its type"]),
            (|new| new["properties"]["email"] = json!(true), &["email changed its type"]),
            (
                |new| new["required"] = json!(["email", "tenant", "note"]),
                &["note is newly required", "tenant is newly required"],
            ),
            // Behind a reference, too.
            (|new| new["$defs"]["Plan"]["enum"] = json!(["free"]), &["plan no longer allows \"paid\""]),
        ];
        for (change, expected) in cases {
            let mut new = old();
            change(&mut new);
            assert_eq!(breaking_changes(&old(), &new), expected);
        }
    }

    #[test]
    fn lists_and_maps_are_looked_into() {
        let old = message(
            json!({ "lines": { "type": "array", "items": message(json!({ "n": { "type": "integer" } }), &[]) },
            "rates": { "type": "object", "additionalProperties": { "type": "string" } } }),
            &[],
        );
        let mut new = old.clone();
        new["properties"]["lines"]["items"]["properties"]["n"] = json!({ "type": "string" });
        new["properties"]["rates"]["additionalProperties"] = json!({ "type": "number" });
        assert_eq!(breaking_changes(&old, &new), ["lines[].n changed its type", "rates.* changed its type"]);
    }

    #[test]
    fn a_variant_may_be_added_but_not_lost() {
        let variant = |kind: &str| {
            json!({ "type": "object",
            "properties": { "kind": { "const": kind }, "id": { "type": "string" } }, "required": ["kind", "id"] })
        };
        let one = json!({ "oneOf": [variant("migrate")] });
        let two = json!({ "oneOf": [variant("seed"), variant("migrate")] });
        assert_eq!(breaking_changes(&one, &two), Vec::<String>::new());
        assert_eq!(breaking_changes(&two, &one), ["the message lost its variant 1 (\"seed\")"]);
    }

    #[test]
    fn a_type_that_contains_itself_is_compared_once() {
        let tree = json!({ "$ref": "#/$defs/Node",
            "$defs": { "Node": message(json!({ "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } } }),
                &[]) } });
        assert_eq!(breaking_changes(&tree, &tree), Vec::<String>::new());
    }
}
