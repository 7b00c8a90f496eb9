//! The choice of an example: which of many recordings shows most, and is still short?

use serde_json::Value;
use std::{cmp::Reverse, collections::BTreeSet};

/// Characters of an example that is still read.
const READABLE: usize = 2500;

/// The properties of a request and its answer and the types of their values: `response.items[].name: string`. What
/// is in the path is not among them.
pub fn shape(recording: &Value) -> BTreeSet<String> {
    let mut shape = BTreeSet::new();
    for part in ["content_type", "request", "status", "response"] {
        if let Some(value) = recording.get(part) {
            collect(value, part, &mut shape);
        }
    }
    shape
}

/// Whether recordings with the status of `example` have all of its properties. Not one of them alone: which states of a
/// thing a test sees on its way is chance.
pub fn is_met(example: &Value, recordings: &[Value]) -> bool {
    let alike: Vec<_> = recordings.iter().filter(|recording| recording["status"] == example["status"]).collect();
    let met: BTreeSet<String> = alike.iter().flat_map(|recording| shape(recording)).collect();
    !alike.is_empty() && shape(example).is_subset(&met)
}

fn collect(value: &Value, at: &str, shape: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| collect(value, &format!("{at}.{name}"), shape)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, &format!("{at}[]"), shape)),
        _ => {}
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    shape.insert(format!("{at}: {kind}"));
}

/// The one with the most properties of those that are short enough; of these the shortest.
pub fn choose(recordings: &[Value]) -> Option<&Value> {
    recordings.iter().min_by_key(|recording| {
        let text = recording.to_string();
        let properties = if text.len() > READABLE { 0 } else { shape(recording).len() };
        (Reverse(properties), text.len(), text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shape_is_names_and_types() {
        let one = json!({"path": "/a", "status": 200, "response": {"items": [{"name": "a"}, {"name": "b"}]}});
        let other = json!({"path": "/b", "status": 201, "response": {"items": [{"name": "c"}]}});
        assert_eq!(shape(&one), shape(&other));
        assert_ne!(shape(&one), shape(&json!({"status": 200, "response": {"items": []}})));
        assert_ne!(shape(&one), shape(&json!({"status": 200, "response": {"items": [{"name": 1}]}})));
    }

    #[test]
    fn an_example_is_met_by_all_recordings_together() {
        let of = |status: u16, response: Value| json!({"path": "/a", "status": status, "response": response});
        let both = of(200, json!({"name": "a", "sent_at": "today"}));
        let recordings = [of(200, json!({"name": "b", "retry": 1})), of(200, json!({"sent_at": "then"}))];
        assert!(is_met(&both, &recordings));
        assert!(!is_met(&both, &recordings[..1]));
        assert!(!is_met(&of(201, json!({"name": "a"})), &recordings));
        assert!(!is_met(&of(200, json!({"name": 1})), &recordings));
        assert!(!is_met(&of(200, json!({})), &[]));
    }

    #[test]
    fn what_shows_most_and_is_short_is_chosen() {
        let (empty, full) = (json!({"response": {"items": []}}), json!({"response": {"items": [{"name": "ada"}]}}));
        let (twice, endless) = (
            json!({"response": {"items": [{"name": "ada"}, {"name": "bob"}]}}),
            json!({"response": {"items": [{"name": "x".repeat(READABLE), "age": 1}]}}),
        );
        assert_eq!(choose(&[endless.clone(), empty, twice, full.clone()]), Some(&full));
        assert_eq!(choose(std::slice::from_ref(&endless)), Some(&endless));
    }
}
