//! Headers of answers: each is described once, and every answer that has it refers to it.

use serde_json::{Map, Value, json};

/// A header that answers have.
struct Header {
    name: &'static str,
    description: &'static str,
    schema: fn() -> Value,
    /// Whether the answers that have it always have it.
    required: bool,
}

const TEXT: fn() -> Value = || json!({"type": "string"});
const COUNT: fn() -> Value = || json!({"type": "integer", "format": "int64", "minimum": 0});

/// What the middleware, problems and operations say in headers. An operation names one (`headers(("ETag" = String))`),
/// and this is what it means.
const HEADERS: [Header; 12] = [
    Header {
        name: "X-Request-Id",
        description: "The request's own id, as its caller gave it or a new one; our log has it.",
        schema: TEXT,
        required: true,
    },
    Header {
        name: "X-Version",
        description: "The version of the tenant's permissions that the change made, for `at_least_version` of a check.",
        schema: COUNT,
        required: true,
    },
    Header {
        name: "ETag",
        description: "The state of what is shown; sent as `If-Match`, an edit fails if somebody else was faster.",
        schema: TEXT,
        required: true,
    },
    Header {
        name: "Location",
        description: "The address of what was made, at which it is read or, if nothing is read there, ended; with 303 the \
            address to go on to.",
        schema: || json!({"type": "string", "format": "uri-reference"}),
        required: true,
    },
    Header {
        name: "Link",
        description: "`<…>; rel=\"next\"`: the next page, with the same filters; absent on the last one (RFC 8288).",
        schema: TEXT,
        required: false,
    },
    Header {
        name: "Idempotency-Replayed",
        description: "`true` if this is the answer to an earlier request with the same `Idempotency-Key`.",
        schema: || json!({"type": "string", "enum": ["true"]}),
        required: false,
    },
    Header {
        name: "Set-Cookie",
        description: "What a browser keeps, `HttpOnly`: the refresh token, sent to `/v1/sessions` only, or the sign-in, sent \
            to `/v1/oauth` only.",
        schema: TEXT,
        required: false,
    },
    Header {
        name: "WWW-Authenticate",
        description: "By which scheme to authenticate (RFC 9110 §11.6.1).",
        schema: TEXT,
        required: true,
    },
    Header {
        name: "Retry-After",
        description: "Seconds after which trying again makes sense (RFC 9110 §10.2.3).",
        schema: COUNT,
        required: true,
    },
    Header {
        name: "RateLimit-Limit",
        description: "How often it is allowed, and in how many seconds: `10, 10;w=60`.",
        schema: TEXT,
        required: false,
    },
    Header {
        name: "RateLimit-Remaining",
        description: "How often it is still allowed.",
        schema: COUNT,
        required: false,
    },
    Header {
        name: "RateLimit-Reset",
        description: "Seconds until it is allowed more often again.",
        schema: COUNT,
        required: false,
    },
];

/// The headers that every answer of this status has, whichever operation gives it.
fn of_status(status: &str) -> &'static [&'static str] {
    match status {
        "401" => &["WWW-Authenticate"],
        "429" => &["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        "503" => &["Retry-After"],
        _ => &[],
    }
}

/// Declares the headers of an answer: those of every answer, of its status, and those that the operation named.
pub(super) fn declare(status: &str, answer: &mut Map<String, Value>) {
    let Some(headers) = answer.entry("headers").or_insert_with(|| json!({})).as_object_mut() else { return };
    for name in std::iter::once(&"X-Request-Id").chain(of_status(status)) {
        headers.insert((*name).to_owned(), Value::Null);
    }
    for (name, header) in headers.iter_mut() {
        if HEADERS.iter().any(|known| known.name == name) {
            *header = json!({"$ref": format!("#/components/headers/{name}")});
        }
    }
}

/// The descriptions that `references` lead to.
pub(super) fn described<'a>(is_used: impl Fn(&str) -> bool + 'a) -> Value {
    let used = HEADERS.iter().filter(|header| is_used(&format!("#/components/headers/{}", header.name)));
    let described = used.map(|Header { name, description, schema, required }| {
        let header = json!({"description": description, "required": required, "schema": schema()});
        ((*name).to_owned(), header)
    });
    Value::Object(described.collect())
}
