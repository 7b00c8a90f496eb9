//! OpenAPI documents: what was generated, completed with prose, security and the answers every operation has.

mod making;
mod paging;

pub use making::{KEY_KEPT_HOURS, KEY_LENGTH};

use crate::http::no_route;
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use include_dir::Dir;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashSet};
use utoipa::OpenApi;

/// Schemas that answers refer to by name.
#[derive(OpenApi)]
#[openapi(components(schemas(crate::problem::ProblemBody, crate::problem::FieldError)))]
struct Shared;

/// Completes what utoipa generated for `service`.
///
/// `docs` has one Markdown file an operation, `<operationId>.md`: a `# Summary` line, then the description.
/// Each operation gets the answers that its security, its body and its path make possible.
pub fn finish(generated: utoipa::openapi::OpenApi, service: &str, title: &str, docs: &Dir<'_>) -> Value {
    let mut api = generated;
    api.merge(Shared::openapi());
    let mut document = serde_json::to_value(api).unwrap_or_default();
    document["info"] = json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": docs.get_file("index.md").and_then(|file| file.contents_utf8()).unwrap_or_default(),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /v1/sessions` of the auth service, or an API key (`slk_…`) of \
                            `POST /v1/api-keys`."},
        "platform_client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A client-credentials token of one of the platform's own services."},
    });
    making::declare(&mut document, service);
    paging::declare(&mut document);
    for_each_operation(&mut document, |path, operation| {
        add_prose(operation, docs);
        add_caller(operation);
        add_answers(operation, path);
        if path.starts_with("/internal/") {
            operation.insert("tags".into(), json!([INTERNAL]));
        }
    });
    document["tags"] = tags(&document);
    document["x-service"] = service.into();
    document
}

/// The tag of what only the platform's own services may call.
const INTERNAL: &str = "internal";

/// The tags in the order in which Swagger UI shows them: as they come, but last what is nobody's who reads there.
fn tags(document: &Value) -> Value {
    let mut names: Vec<String> = Vec::new();
    for_each_operation(&mut document.clone(), |_, operation| {
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
    for_each_operation(&mut document.clone(), |path, operation| {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or(path);
        if operation.get("summary").and_then(Value::as_str).is_none_or(str::is_empty) {
            faults.push(format!("{id} has no prose: openapi/docs/<service>/{id}.md must begin with '# Summary'"));
        }
        if !operation.contains_key("security") {
            faults.push(format!("{id} does not say who may call it"));
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

/// What Swagger UI may do in a browser: load its own files, ask its own service, and be framed by nobody. Its styles
/// are in its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// [`swagger_ui`], and browsers that come to `/` are sent there.
pub fn swagger<S: Clone + Send + Sync + 'static>(document: Value) -> Router<S> {
    swagger_ui(document).route("/", get(home))
}

/// Swagger UI at `/docs`, the document at `/openapi.json`; for whoever has pages of their own.
pub fn swagger_ui<S: Clone + Send + Sync + 'static>(document: Value) -> Router<S> {
    let config = utoipa_swagger_ui::Config::from("/openapi.json")
        .persist_authorization(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .filter(true);
    let router: Router<S> = utoipa_swagger_ui::SwaggerUi::new("/docs")
        .external_url_unchecked("/openapi.json", document)
        .config(config)
        .into();
    router.layer(axum::middleware::map_response(protect))
}

async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// A program that asks for `/` has a wrong address, and is told so rather than sent to a page for people.
async fn home(headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let answer = if accepts.is_some_and(|types| types.contains("text/html")) {
        Redirect::temporary("/docs/").into_response()
    } else {
        no_route().into_response()
    };
    ([(header::VARY, "accept")], answer).into_response()
}

fn for_each_operation(document: &mut Value, mut act: impl FnMut(&str, &mut Map<String, Value>)) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
            act(path, operation);
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

/// The scopes of a scheme in `security`; `None` if the operation does not use that scheme.
fn scopes<'a>(operation: &'a Map<String, Value>, scheme: &str) -> Option<Vec<&'a str>> {
    let requirements = operation.get("security")?.as_array()?;
    let scopes = requirements.iter().find_map(|requirement| requirement.get(scheme)?.as_array())?;
    Some(scopes.iter().filter_map(Value::as_str).collect())
}

fn add_caller(operation: &mut Map<String, Value>) {
    let who = match (scopes(operation, "bearer"), scopes(operation, "platform_client")) {
        (Some(permissions), _) if permissions.is_empty() => "**Who:** anybody signed in.".to_owned(),
        (Some(permissions), _) => format!("**Permission:** `{}`", permissions.join("`, `")),
        (_, Some(clients)) if clients == ["*"] => "**Who:** the platform's own clients, products included.".to_owned(),
        (_, Some(clients)) => format!("**Who:** only the platform's own clients: `{}`.", clients.join("`, `")),
        _ => "**Who:** anybody, without a token.".to_owned(),
    };
    let description = operation.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n\n{who}");
    operation.insert("description".into(), description.trim().into());
}

fn add_answers(operation: &mut Map<String, Value>, path: &str) {
    let protected = scopes(operation, "bearer").is_some() || scopes(operation, "platform_client").is_some();
    let forbids = scopes(operation, "bearer").is_some_and(|permissions| !permissions.is_empty())
        || scopes(operation, "platform_client").is_some();
    let reads = operation.contains_key("requestBody");
    let queries = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query"));
    let answers = [
        (reads, "400", "The body is malformed."),
        (protected, "401", "The token is missing, wrong or expired, or its session has ended."),
        (forbids, "403", "The permission is missing."),
        (path.contains('{'), "404", "There is no such thing in the caller's tenant."),
        (reads, "413", "The body is too large."),
        (reads, "415", "The body has another media type."),
        (reads || queries, "422", "One or more fields are not valid; `errors` names them."),
        (true, "503", "Something that is needed is away right now; try again after `Retry-After` seconds."),
    ];
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for (_, status, text) in answers.into_iter().filter(|(possible, ..)| *possible) {
        responses.entry(status).or_insert_with(|| json!({"description": text}));
    }
    // Every refusal has the same body, whoever declared it.
    for (_, response) in
        responses.iter_mut().filter(|(status, response)| status.as_str() >= "400" && response.get("content").is_none())
    {
        response["content"] =
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}});
    }
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
