//! JSON Merge Patch (RFC 7396) of a message's data, by somebody who may not have seen all of them.

use contracts::privacy::{PERSONAL_MARK, SECRET_MARK};
use serde_json::{Map, Value};

/// Changes what `patch` names: `null` removes a field, objects are merged, anything else replaces.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else { return *target = patch };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, change) in changes {
        if change.is_null() {
            target.as_object_mut().map(|fields| fields.remove(&name));
        } else {
            merge(&mut target[name], change);
        }
    }
}

/// JSON pointers (RFC 6901) to what a patch replaces or removes.
pub fn places(patch: &Value) -> Vec<String> {
    leaves(patch, String::new()).into_iter().map(|(place, _)| place).collect()
}

/// The place of a mark that stands for something hidden, which would become the value.
pub fn hidden(patch: &Value) -> Option<String> {
    let is_mark = |value: &Value| value.as_str().is_some_and(|text| [PERSONAL_MARK, SECRET_MARK].contains(&text));
    let within = |value: &Value| match value {
        Value::Array(items) => items.iter().any(|item| is_mark(item) || hidden(item).is_some()),
        other => is_mark(other),
    };
    leaves(patch, String::new()).into_iter().find(|(_, value)| within(value)).map(|(place, _)| place)
}

fn leaves(patch: &Value, place: String) -> Vec<(String, &Value)> {
    match patch {
        Value::Object(fields) => {
            let below = fields
                .iter()
                .map(|(name, value)| leaves(value, format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))));
            below.flatten().collect()
        }
        leaf => vec![(place, leaf)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_what_it_names() {
        // Those of RFC 7396, appendix A, that a patch of data can meet.
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!({"a": "b"}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }

    #[test]
    fn places_and_marks_are_found() {
        let patch = json!({"a": {"b/c": 1, "d": null}, "e": ["x", SECRET_MARK]});
        assert_eq!(places(&patch), ["/a/b~1c", "/a/d", "/e"]);
        assert_eq!(hidden(&patch).as_deref(), Some("/e"));
        assert_eq!(hidden(&json!({"a": "no [personal] one"})), None);
    }
}
