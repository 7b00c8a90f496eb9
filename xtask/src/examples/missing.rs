//! Operations that the documents have no example of.

use crate::lint;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;

/// The ids of those that take a body, or answer with JSON, of which there is no example, unless they only lead on.
pub fn operations() -> Result<Vec<String>> {
    let mut missing = Vec::new();
    for path in lint::all()? {
        let document: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.clone())?;
        let items = document["paths"].as_object().into_iter().flatten();
        let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
        let without = operations.filter(|(_, operation)| lacks_one(operation));
        missing.extend(without.map(|(_, operation)| operation["operationId"].to_string()));
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}

fn lacks_one(operation: &Value) -> bool {
    let taken: Vec<_> = operation["requestBody"]["content"].as_object().into_iter().flatten().collect();
    let answers = operation["responses"].as_object().into_iter().flatten();
    let given: Vec<_> = answers
        .filter(|(status, _)| status.starts_with('2'))
        .flat_map(|(_, answer)| answer["content"].as_object().into_iter().flatten())
        .filter(|(kind, _)| *kind == "application/json")
        .collect();
    // A form of a page that only leads on shows nothing.
    let shows = operation["responses"].as_object().into_iter().flatten().any(|(status, _)| status.starts_with('2'));
    shows
        && [taken, given]
            .iter()
            .any(|media| !media.is_empty() && media.iter().all(|(_, media)| media["example"].is_null()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_taken_and_what_is_answered_needs_an_example() {
        let media = |example: Value| json!({"content": {"application/json": example}});
        let (with, without) = (media(json!({"example": {"name": "ada"}})), media(json!({})));
        let operation = |taken: &Value, given: &Value| json!({"requestBody": taken, "responses": {"200": given, "422": without, "204": {}}});
        assert!(!lacks_one(&operation(&with, &with)));
        assert!(lacks_one(&operation(&with, &without)));
        assert!(lacks_one(&operation(&without, &with)));
        assert!(!lacks_one(&json!({"responses": {"204": {}}})));
        assert!(!lacks_one(&json!({"requestBody": without, "responses": {"303": {}, "422": without}})));
    }
}
