//! What does the service's documentation say? The generated document, completed with prose, security and the answers every operation has.

use include_dir::Dir;
use serde_json::{Map, Value, json};
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
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The `access_token` of `POST /v1/sessions` of the auth service, or an API key (`slk_…`) of `POST /v1/api-keys`."},
        "platform_client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A client-credentials token of one of the platform's own services."},
    });
    for_each_operation(&mut document, |path, operation| {
        add_prose(operation, docs);
        add_caller(operation);
        add_answers(operation, path);
    });
    document["x-service"] = service.into();
    document
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
    faults
}

/// Swagger UI at `/docs`, the document at `/openapi.json`.
pub fn swagger<S: Clone + Send + Sync + 'static>(document: Value) -> axum::Router<S> {
    let config =
        utoipa_swagger_ui::Config::from("/openapi.json").persist_authorization(true).try_it_out_enabled(true).display_request_duration(true).filter(true);
    utoipa_swagger_ui::SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", document).config(config).into()
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
    let forbids = scopes(operation, "bearer").is_some_and(|permissions| !permissions.is_empty()) || scopes(operation, "platform_client").is_some();
    let reads = operation.contains_key("requestBody");
    let queries = operation.get("parameters").and_then(Value::as_array).is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query"));
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
    for (_, response) in responses.iter_mut().filter(|(status, response)| status.as_str() >= "400" && response.get("content").is_none()) {
        response["content"] = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}});
    }
}
