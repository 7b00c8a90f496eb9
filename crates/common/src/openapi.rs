//! OpenAPI documents: what was generated, completed with prose, security and the answers every operation has.
//!
//! | module | answers |
//! | --- | --- |
//! | [`schemas`] | what may be absent, null or anything? |
//! | [`caller`] | who may call an operation? |
//! | [`answers`] | with which statuses and codes is a request refused? |
//! | [`making`] | what makes something, and what happens if it is sent twice? |
//! | [`paging`] | what is a page of a list? |
//! | [`examples`] | what does a true request look like, and a true answer? |
//! | [`headers`] | which headers does an answer have? |
//! | [`problems`] | what does a person read about a code? |
//! | [`swagger`] | where does an operator browse all this? |

mod answers;
mod caller;
mod examples;
mod headers;
mod making;
mod paging;
mod problems;
mod schemas;
mod swagger;

pub use making::{KEY_KEPT_HOURS, KEY_LENGTH};
pub use problems::Pages;
pub use swagger::Documents;

use answers::Address;
use axum::Router;
use include_dir::Dir;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashSet};
use utoipa::OpenApi;

/// Schemas that answers refer to by name.
#[derive(OpenApi)]
#[openapi(components(schemas(crate::problem::ProblemBody, crate::problem::FieldError)))]
struct Shared;

/// What a document says besides its operations.
pub struct About<'a> {
    pub service: &'a str,
    pub title: &'a str,
    /// One Markdown file an operation, `<operationId>.md`: a `# Summary` line, then the description. Beside it
    /// `<operationId>.json`, an example.
    pub docs: &'a Dir<'a>,
    /// Of all problems that it may answer with.
    pub pages: &'a Pages,
    /// Whether it is there only on some hosts, and answers 404 on others.
    pub by_host: bool,
}

/// Completes what utoipa generated. Each operation gets the answers that its security, its body and its path make
/// possible.
pub fn finish(generated: utoipa::openapi::OpenApi, about: &About<'_>) -> Value {
    let About { service, title, docs, .. } = *about;
    let mut api = generated;
    api.merge(Shared::openapi());
    let mut document = serde_json::to_value(api).unwrap_or_default();
    document["info"] = json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": docs.get_file("index.md").and_then(|file| file.contents_utf8()).unwrap_or_default(),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "The service that serves this document."}]);
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /v1/sessions` of the auth service, or an API key (`slk_…`) of \
                            `POST /v1/api-keys`."},
        "platform_client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A client-credentials token of one of the platform's own services."},
    });
    making::declare(&mut document, service);
    paging::declare(&mut document);
    for_each_operation(&mut document, |path, method, operation| {
        add_prose(operation, docs);
        examples::add(operation, path, docs);
        caller::tell(operation);
        let at = Address { path, method, by_host: about.by_host };
        answers::complete(operation, &at, about.pages);
        if path.starts_with("/internal/") {
            operation.insert("tags".into(), json!([INTERNAL]));
        }
    });
    schemas::complete(&mut document);
    add_components(&mut document);
    document["tags"] = tags(&document);
    document["x-service"] = service.into();
    document
}

/// Adds the answers and headers that operations refer to, and takes away how nobody calls.
fn add_components(document: &mut Value) {
    let mut schemes = BTreeSet::new();
    for_each_operation(&mut document.clone(), |_, _, operation| {
        let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
        schemes.extend(requirements.filter_map(Value::as_object).flat_map(Map::keys).cloned());
    });
    if let Some(known) = document["components"]["securitySchemes"].as_object_mut() {
        known.retain(|scheme, _| schemes.contains(scheme));
    }
    let shared = answers::shared(|reference| refers(document, reference));
    document["components"]["responses"] = shared;
    let described = headers::described(|reference| refers(document, reference));
    document["components"]["headers"] = described;
}

fn refers(document: &Value, reference: &str) -> bool {
    let mut references = BTreeSet::new();
    collect_references(document, &mut references);
    references.contains(reference)
}

/// What a service shows of itself: Swagger UI at `/docs`, with the documents of `others` in its selector, its own
/// document at `/openapi.json`, and the pages of problems.
/// Browsers that come to `/` are sent to the first.
pub fn routes<S: Clone + Send + Sync + 'static>(document: Value, pages: Pages, others: &Documents) -> Router<S> {
    swagger::home().merge(routes_beside(document, pages, others))
}

/// The same for whoever has a page of its own at `/`.
pub fn routes_beside<S: Clone + Send + Sync + 'static>(document: Value, pages: Pages, others: &Documents) -> Router<S> {
    swagger::ui(document, others).merge(pages.routes())
}

/// The tag of what only the platform's own services may call.
const INTERNAL: &str = "internal";

/// The tags in the order in which Swagger UI shows them: as they come, but last what is nobody's who reads there.
fn tags(document: &Value) -> Value {
    let mut names: Vec<String> = Vec::new();
    for_each_operation(&mut document.clone(), |_, _, operation| {
        let tagged = operation.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.extend(tagged.map(str::to_owned));
    });
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    // Stable: what is not moved keeps its order.
    names.sort_by_key(|name| name == INTERNAL);
    names.into_iter().map(|name| json!({"name": name})).collect()
}

/// What is missing in a finished document, one sentence a fault.
pub fn faults(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for_each_operation(&mut document.clone(), |path, _, operation| {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or(path);
        if operation.get("summary").and_then(Value::as_str).is_none_or(str::is_empty) {
            faults.push(format!("{id} has no prose: openapi/docs/<service>/{id}.md must begin with '# Summary'"));
        }
        if !operation.contains_key("security") {
            faults.push(format!("{id} does not say who may call it"));
        }
        let refusals = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
        for (status, answer) in refusals.filter(|(status, _)| status.as_str() >= "400") {
            // Refusals of another form, such as OAuth's, have codes of their own.
            let of_another_form = answer["content"].get("application/json").is_some();
            let names_codes = answers::codes(answer).is_some_and(|codes| !codes.is_empty());
            if answer.get("$ref").is_none() && !of_another_form && !names_codes {
                faults.push(format!("{id} names no code for {status}: one that has a page in openapi/problems"));
            }
        }
    });
    let mut references = BTreeSet::new();
    collect_references(document, &mut references);
    let missing = references
        .into_iter()
        .filter(|reference| reference.strip_prefix('#').is_none_or(|pointer| document.pointer(pointer).is_none()));
    faults.extend(missing.map(|reference| format!("{reference} is referred to and does not exist")));
    faults
}

/// Every `$ref` of a document: JSON Pointers into it (RFC 6901) behind a `#`.
fn collect_references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

/// Calls `act` with the path, the method and the content of each operation.
fn for_each_operation(document: &mut Value, mut act: impl FnMut(&str, &str, &mut Map<String, Value>)) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            operation.as_object_mut().into_iter().for_each(|operation| act(path, method, operation));
        }
    }
}

fn add_prose(operation: &mut Map<String, Value>, docs: &Dir<'_>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let prose = docs.get_file(format!("{id}.md")).and_then(|file| file.contents_utf8()).unwrap_or_default();
    let (first, rest) = prose.split_once('\n').unwrap_or((prose, ""));
    operation.insert("summary".into(), first.trim_start_matches('#').trim().into());
    operation.insert("description".into(), rest.trim().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_nothing_is_a_fault() {
        let document = |reference: &str| {
            let answer = json!({"description": "d", "content": {"application/json": {"schema": {"$ref": reference}}}});
            json!({
                "paths": {"/v1/jobs": {"get": {"operationId": "listJobs", "summary": "List", "security": [{}],
                    "responses": {"200": answer}}}},
                "components": {"schemas": {"Job": {"type": "object"}, "a/b": {}}},
            })
        };
        assert_eq!(faults(&document("#/components/schemas/Job")), Vec::<String>::new());
        assert_eq!(faults(&document("#/components/schemas/a~1b")), Vec::<String>::new());
        for missing in ["#/components/schemas/JobId", "#/components/responses/Job", "other.json#/Job"] {
            assert_eq!(faults(&document(missing)), [format!("{missing} is referred to and does not exist")]);
        }
    }

    #[test]
    fn internal_operations_are_shown_last() {
        let operation = |tag: &str| json!({"get": {"tags": [tag]}});
        let document = json!({"paths": {"/internal/x": operation("internal"), "/v1/a": operation("roles"),
            "/v1/b": operation("audit"), "/v1/c": operation("roles")}});
        assert_eq!(tags(&document), json!([{"name": "roles"}, {"name": "audit"}, {"name": "internal"}]));
    }
}
