//! The document of the service under test: is what it takes and answers as its document says?

mod recording;

use crate::TestAnswer;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Headers that say something of the transport or to browsers, and that documents do not speak of.
const UNSPOKEN: [&str; 14] = [
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "refresh",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
    "x-frame-options",
];

/// What was asked, as far as documents speak of it.
pub(crate) struct Asked {
    pub method: Method,
    pub path: String,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn of(request: &reqwest::Request) -> Self {
        let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        Self {
            method: request.method().clone(),
            path: request.url().path().to_owned(),
            content_type: content_type.map(str::to_owned),
            body: request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec(),
        }
    }
}

/// A document, and a copy of it in which no object has properties that are not named.
pub(crate) struct Document {
    api: Value,
    exact: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    pub fn new(api: Value) -> Self {
        let (exact, mut api) = (exact(&api), api);
        lenient(&mut api);
        Self { api, exact, validators: Mutex::default() }
    }

    /// Panics unless status, headers and body of the answer, and the body of what was taken, are as declared. An
    /// address that is no operation's is nothing to a document.
    pub fn check(&self, asked: &Asked, answer: &TestAnswer) {
        let Some((path, operation)) = self.operation(asked) else { return };
        let name = format!("{} {path}", asked.method);
        let status = answer.status.to_string();
        let declared = &operation["responses"][&status];
        assert!(!declared.is_null(), "{name}: {status} is not declared: {}", answer.text);
        let declared = self.resolved(declared);
        self.check_headers(&format!("{name} {status}"), declared, answer);
        let kind = answer.header("content-type");
        let body = (kind, answer.text.as_bytes());
        self.check_body(&self.exact, &format!("{name} {status}"), &declared["content"], body);
        let takes = &operation["requestBody"]["content"];
        // What an operation does not ask for it does not read.
        if answer.status < 300 && takes.is_object() {
            let taken = (asked.content_type.as_deref(), &asked.body[..]);
            self.check_body(&self.api, &format!("{name} (what was taken)"), takes, taken);
        }
        if answer.status < 300 && self.knows_all_of(&name, takes, asked) {
            recording::keep(&self.api["x-service"], operation, asked, answer);
        }
    }

    /// Panics unless every example is as declared.
    pub fn check_examples(&self) {
        let items = self.exact["paths"].as_object().into_iter().flat_map(Map::values);
        for operation in items.filter_map(Value::as_object).flat_map(Map::values) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            self.check_example(&self.api, &format!("what the example of {id} sends"), &operation["requestBody"]);
            for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                self.check_example(&self.exact, &format!("the example of {id}, {status}"), answer);
            }
        }
    }

    fn check_example(&self, api: &Value, name: &str, body: &Value) {
        for (kind, media) in body["content"].as_object().into_iter().flatten() {
            if let Some(example) = media.get("example").filter(|_| kind.ends_with("json")) {
                self.check_body(api, name, &body["content"], (Some(kind), example.to_string().as_bytes()));
            }
        }
    }

    /// The operation with the most words in common with the address: `/v1/members/me` is not `/v1/members/{user_id}`.
    fn operation(&self, asked: &Asked) -> Option<(&str, &Value)> {
        let method = asked.method.as_str().to_lowercase();
        let given: Vec<_> = asked.path.split('/').collect();
        let fits = |path: &&String| {
            let parts: Vec<_> = path.split('/').collect();
            parts.len() == given.len()
                && parts.iter().zip(&given).all(|(part, given)| part.starts_with('{') || part == given)
        };
        let paths = self.exact["paths"].as_object()?;
        let path = paths.keys().filter(fits).min_by_key(|path| path.matches('{').count())?;
        paths[path].get(&method).map(|operation| (path.as_str(), operation))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(value, |pointer| self.exact.pointer(pointer).expect("a reference that leads somewhere"))
    }

    fn check_headers(&self, name: &str, declared: &Value, answer: &TestAnswer) {
        let headers = declared["headers"].as_object().cloned().unwrap_or_default();
        for (header, definition) in &headers {
            let required = self.resolved(definition)["required"] == true;
            assert!(!required || answer.headers.contains_key(header.as_str()), "{name} has no header {header}");
        }
        for header in answer.headers.keys().map(|header| header.as_str()) {
            let spoken_of = headers.keys().any(|declared| declared.eq_ignore_ascii_case(header));
            let unspoken = UNSPOKEN.contains(&header) || header.starts_with("access-control-");
            assert!(spoken_of || unspoken, "{name}: the header {header} is not declared");
        }
    }

    fn check_body(&self, api: &Value, name: &str, declared: &Value, (kind, body): (Option<&str>, &[u8])) {
        if body.is_empty() {
            let only_bodies = declared.is_object() && name.ends_with(char::is_numeric);
            assert!(!only_bodies, "{name} has no body, but one is declared");
            return;
        }
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase();
        let media = &declared[&kind];
        assert!(!media.is_null(), "{name}: a body of type '{kind}' is not declared");
        if kind == "application/json" || kind.ends_with("+json") {
            let value: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{name}: {error}"));
            let validator = self.validator(api, &format!("{name} {kind}"), &media["schema"]);
            let faults: Vec<_> = validator
                .iter_errors(&value)
                .map(|fault| format!("{} at '{}'", fault, fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{name}: {}\n{value:#}", faults.join("\n"));
        }
    }

    /// Whether the request has nothing that its operation does not know.
    fn knows_all_of(&self, name: &str, declared: &Value, asked: &Asked) -> bool {
        let kind = asked.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
        let body = serde_json::from_slice::<Value>(&asked.body).ok();
        let schema = declared.get(kind).map(|media| &media["schema"]);
        body.zip(schema).is_none_or(|(body, schema)| {
            self.validator(&self.exact, &format!("{name} (exactly)"), schema).is_valid(&body)
        })
    }

    fn validator(&self, api: &Value, name: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let mut schema = schema.clone();
            schema["components"] = api["components"].clone();
            // What is taken may be in another form than it is kept and answered in: ' Ada@Acme.TEST'.
            let is_answer = api["components"].get("parts").is_some();
            let validator = jsonschema::options().should_validate_formats(is_answer).build(&schema);
            Arc::new(validator.unwrap_or_else(|fault| panic!("{name}: {fault}")))
        };
        validators.entry(name.to_owned()).or_insert_with(make).clone()
    }
}

/// What is taken may say the same twice, where it is kept and answered once.
fn lenient(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, value| key != "uniqueItems" || !value.is_boolean());
            object.values_mut().for_each(lenient);
        }
        Value::Array(values) => values.iter_mut().for_each(lenient),
        _ => {}
    }
}

/// The document, with every object closed whose properties are named; what is made of several parts as a whole.
fn exact(api: &Value) -> Value {
    let mut exact = api.clone();
    let named = exact["components"]["schemas"].clone();
    for schema in exact["components"]["schemas"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        close(schema, true);
    }
    for item in exact["paths"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut).for_each(close_answer);
        }
    }
    exact["components"]["responses"].as_object_mut().into_iter().flat_map(Map::values_mut).for_each(close_answer);
    exact["components"]["parts"] = named;
    exact
}

fn close_answer(answer: &mut Value) {
    let media = answer.get_mut("content").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    media.filter_map(|media| media.get_mut("schema")).for_each(|schema| close(schema, true));
}

/// `is_whole`: not a part of something that has other parts.
fn close(schema: &mut Value, is_whole: bool) {
    let Some(schema) = schema.as_object_mut() else { return };
    let reference = schema.get_mut("$ref").filter(|_| !is_whole);
    if let Some(Value::String(reference)) = reference {
        *reference = reference.replace("/components/schemas/", "/components/parts/");
    }
    for property in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        close(property, true);
    }
    schema.get_mut("items").into_iter().for_each(|items| close(items, true));
    for (key, whole) in [("oneOf", is_whole), ("anyOf", is_whole), ("allOf", false)] {
        schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(|part| close(part, whole));
    }
    let has_names = schema.contains_key("properties") || schema.contains_key("allOf");
    if is_whole && has_names && !schema.contains_key("additionalProperties") {
        schema.insert("unevaluatedProperties".into(), json!(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use std::panic::catch_unwind;

    fn document() -> Document {
        let role =
            json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}});
        let whole = json!({"allOf": [{"$ref": "#/components/schemas/Role"},
            {"type": "object", "required": ["version"], "properties": {"version": {"type": "integer"}}}]});
        let answer = json!({"description": "d", "headers": {"X-Version": {"required": true, "schema": {}}},
            "content": {"application/json": {"schema": whole}}});
        let paths = json!({"/v1/roles/{id}": {"put": {"responses": {"200": answer},
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Role"}}}}}}});
        Document::new(json!({"paths": paths, "components": {"schemas": {"Role": role}}}))
    }

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn fault(status: u16, taken: Value, answered: Value, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let asked = Asked {
            method: Method::PUT,
            path: "/v1/roles/7".into(),
            content_type: Some("application/json".into()),
            body: taken.to_string().into_bytes(),
        };
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .chain([(HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"))]);
        let answer =
            TestAnswer { status, headers: HeaderMap::from_iter(headers), text: answered.to_string(), json: answered };
        let panicked = catch_unwind(|| document().check(&asked, &answer)).err()?;
        panicked.downcast_ref::<String>().cloned()
    }

    #[test]
    fn each_departure_from_the_document_is_found() {
        let (role, whole, version) = (json!({"id": ID}), json!({"id": ID, "version": 1}), ("x-version", "1"));
        assert_eq!(fault(200, role.clone(), whole.clone(), &[version]), None);
        let with = |name: &str, value: Value| {
            let mut changed = whole.clone();
            changed[name] = value;
            changed
        };
        let departures = [
            ("201 is not declared", fault(201, role.clone(), whole.clone(), &[version])),
            ("has no header X-Version", fault(200, role.clone(), whole.clone(), &[])),
            ("x-other is not declared", fault(200, role.clone(), whole.clone(), &[version, ("x-other", "1")])),
            ("version", fault(200, role.clone(), role.clone(), &[version])),
            ("uuid", fault(200, role.clone(), with("id", json!("7")), &[version])),
            ("unexpected", fault(200, role.clone(), with("unmentioned", json!(1)), &[version])),
            ("what was taken", fault(200, json!({}), whole.clone(), &[version])),
        ];
        for (expected, found) in departures {
            let found = found.unwrap_or_else(|| panic!("nothing was said of: {expected}"));
            assert!(found.contains(expected), "'{expected}' is not in: {found}");
        }
    }
}
