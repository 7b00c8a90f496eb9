//! Examples of operations: what does a true request look like, and a true answer?
//!
//! One file an operation beside its prose, `<operationId>.json`: what a test sent and what it got.
//! `cargo xtask examples` writes them.

use include_dir::Dir;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The type of the bodies that examples of answers are of.
const JSON: &str = "application/json";

#[derive(Deserialize)]
struct Example {
    /// As it was asked for: `/v1/roles/01890a5d-ac96-774b-bcce-b302099a8057`.
    path: String,
    /// Media type of what was sent.
    #[serde(default)]
    content_type: String,
    #[serde(default)]
    request: Option<Value>,
    status: u16,
    #[serde(default)]
    response: Option<Value>,
}

/// Adds to an operation at `path` what its file says; nothing if there is no such file.
pub fn add(operation: &mut Map<String, Value>, path: &str, docs: &Dir<'_>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let file = docs.get_file(format!("{id}.json"));
    let Some(example) = file.and_then(|file| serde_json::from_slice::<Example>(file.contents()).ok()) else { return };
    add_parameters(operation, path, &example.path);
    let sent = operation.get_mut("requestBody").and_then(|body| media(body, &example.content_type));
    put(sent, example.request);
    let answers = operation.get_mut("responses").and_then(|answers| answers.get_mut(example.status.to_string()));
    put(answers.and_then(|answer| media(answer, JSON)), example.response);
}

/// The parts of the path that stand for the variables of `template`; no ids, which Swagger UI would fill in and nobody
/// has.
fn add_parameters(operation: &mut Map<String, Value>, template: &str, path: &str) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten().filter(|parameter| parameter["in"] == "path") {
        let variable = format!("{{{}}}", parameter["name"].as_str().unwrap_or_default());
        let mut parts = template.split('/').zip(path.split('/'));
        let given = parts.find(|(part, _)| *part == variable).map(|(_, given)| given);
        if let Some(given) = given.filter(|given| Uuid::try_parse(given).is_err()) {
            let number = given.parse::<i64>().ok().filter(|_| parameter["schema"]["type"] == "integer");
            parameter["example"] = number.map_or_else(|| given.into(), Value::from);
        }
    }
}

fn media<'a>(body: &'a mut Value, kind: &str) -> Option<&'a mut Value> {
    body.get_mut("content").and_then(|content| content.get_mut(kind))
}

fn put(media: Option<&mut Value>, example: Option<Value>) {
    if let (Some(media), Some(example)) = (media, example) {
        media["example"] = example;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_of_a_paths_variables_are_of_their_type_and_no_ids() {
        let variable = |name: &str, kind: &str| json!({"in": "path", "name": name, "schema": {"type": kind}});
        let variables = [variable("id", "string"), variable("number", "integer"), variable("name", "string")];
        let mut operation = json!({ "parameters": variables }).as_object().cloned().unwrap();
        let asked = "/v1/files/00000000-0000-4000-8000-000000000000/pages/2/parts/7";
        add_parameters(&mut operation, "/v1/files/{id}/pages/{number}/parts/{name}", asked);
        let examples: Vec<_> = (0..3).map(|n| operation["parameters"][n].get("example")).collect();
        assert_eq!(examples, [None, Some(&json!(2)), Some(&json!("7"))]);
    }
}
