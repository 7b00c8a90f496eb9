//! Operations that answer with a page of a list: the next page is also a `Link` (RFC 8288).

use serde_json::{Map, Value};

/// Names the header for every `GET` that takes a cursor.
pub(super) fn declare(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (_, item) in paths.into_iter().flatten() {
        let operation = item.get_mut("get").and_then(Value::as_object_mut);
        if let Some(operation) = operation.filter(|operation| takes_a_cursor(operation)) {
            operation["responses"]["200"]["headers"]["Link"] = Value::Null;
        }
    }
}

fn takes_a_cursor(operation: &Map<String, Value>) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let answers = operation.get("responses").is_some_and(|answers| answers.get("200").is_some());
    answers && parameters.into_iter().any(|parameter| parameter["in"] == "query" && parameter["name"] == "cursor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_in_pages_has_a_link() {
        let cursor = json!([{"in": "query", "name": "cursor"}]);
        let list = json!({"get": {"parameters": cursor, "responses": {"200": {"description": "d"}}}});
        let one = json!({"get": {"parameters": [], "responses": {"200": {"description": "d"}}}});
        let mut document = json!({"paths": {"/v1/jobs": list, "/v1/jobs/{id}": one}});
        declare(&mut document);
        let link = |path: &str| document["paths"][path]["get"]["responses"]["200"]["headers"].get("Link").is_some();
        assert!(link("/v1/jobs") && !link("/v1/jobs/{id}"));
    }
}
