//! Answers of operations: those that security, body and path make possible, with the codes of each refusal.

use super::{caller::scopes, headers, problems::Pages};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A refusal that an operation need not name.
struct Refusal {
    /// Of the component that operations refer to.
    name: &'static str,
    status: &'static str,
    codes: &'static [&'static str],
    text: &'static str,
    comes_to: fn(&Kind) -> bool,
}

/// What decides which refusals an operation can give.
struct Kind {
    protected: bool,
    needs_permission: bool,
    internal: bool,
    queries: bool,
    may_lead_nowhere: bool,
    is_of_a_tenant: bool,
    is_written_by_pages: bool,
    reads: bool,
    reads_json: bool,
}

const REFUSALS: [Refusal; 16] = [
    Refusal {
        name: "HostInvalid",
        status: "400",
        codes: &["host_invalid"],
        text: "The request does not name one host.",
        comes_to: |kind| !kind.reads,
    },
    Refusal {
        name: "FormMalformed",
        status: "400",
        codes: &["host_invalid", "unreadable_body"],
        text: "The body cannot be read.",
        comes_to: |kind| kind.reads && !kind.reads_json,
    },
    Refusal {
        name: "JsonMalformed",
        status: "400",
        codes: &["host_invalid", "malformed_json", "unreadable_body"],
        text: "The body is malformed.",
        comes_to: |kind| kind.reads_json,
    },
    Refusal {
        name: "Unauthorized",
        status: "401",
        codes: &["api_key_invalid", "session_ended", "token_expired", "token_invalid", "token_missing"],
        text: "The token is missing, wrong or expired, or its session has ended.",
        comes_to: |kind| kind.protected,
    },
    Refusal {
        name: "PermissionMissing",
        status: "403",
        codes: &["no_tenant", "permission_missing"],
        text: "The permission is missing.",
        comes_to: |kind| kind.needs_permission,
    },
    Refusal {
        name: "NoTenant",
        status: "403",
        codes: &["no_tenant"],
        text: "The token acts in no tenant.",
        comes_to: |kind| kind.protected && !kind.needs_permission && !kind.internal,
    },
    Refusal {
        name: "PlatformClientOnly",
        status: "403",
        codes: &["platform_client_only"],
        text: "The caller is none of the clients that may call this.",
        comes_to: |kind| kind.internal,
    },
    Refusal {
        name: "TenantSuspended",
        status: "403",
        codes: &["tenant_suspended"],
        text: "The tenant of this instance is suspended.",
        comes_to: |kind| kind.is_of_a_tenant,
    },
    Refusal {
        name: "CrossSite",
        status: "403",
        codes: &["cross_site"],
        text: "The request comes from another site.",
        comes_to: |kind| kind.is_written_by_pages,
    },
    Refusal {
        name: "NotFound",
        status: "404",
        codes: &["not_found"],
        text: "There is nothing at this address.",
        comes_to: |kind| kind.may_lead_nowhere,
    },
    Refusal {
        name: "BodyTimeout",
        status: "408",
        codes: &["body_timeout"],
        text: "The body did not arrive in time.",
        comes_to: |kind| kind.reads,
    },
    Refusal {
        name: "BodyTooLarge",
        status: "413",
        codes: &["too_large"],
        text: "The body is too large.",
        comes_to: |kind| kind.reads,
    },
    Refusal {
        name: "MediaTypeUnsupported",
        status: "415",
        codes: &["unsupported_media_type"],
        text: "The body has another media type.",
        comes_to: |kind| kind.reads,
    },
    Refusal {
        name: "Invalid",
        status: "422",
        codes: &["invalid"],
        text: "One or more fields are not valid; `errors` names them.",
        comes_to: |kind| kind.reads || kind.queries,
    },
    Refusal { name: "Internal", status: "500", codes: &["internal"], text: "A fault of ours.", comes_to: |_| true },
    Refusal {
        name: "Unavailable",
        status: "503",
        codes: &["unavailable"],
        text: "Something that is needed is away right now; try again after `Retry-After` seconds.",
        comes_to: |_| true,
    },
];

/// Where an operation is.
pub(super) struct Address<'a> {
    pub path: &'a str,
    pub method: &'a str,
    /// Whether it is there only on some hosts, where pages of theirs may call it as well.
    pub by_host: bool,
}

impl Kind {
    fn of(operation: &Map<String, Value>, at: &Address<'_>) -> Self {
        let bearer = scopes(operation, "bearer");
        let internal = scopes(operation, "platform_client").is_some();
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let body = operation.get("requestBody").and_then(|body| body.get("content"));
        Self {
            protected: bearer.is_some() || internal,
            needs_permission: bearer.is_some_and(|permissions| !permissions.is_empty()),
            internal,
            queries: parameters.is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query")),
            may_lead_nowhere: at.by_host || at.path.contains('{'),
            is_of_a_tenant: at.by_host,
            is_written_by_pages: at.by_host && at.method != "get",
            reads: body.is_some(),
            reads_json: body.is_some_and(|body| body.get("application/json").is_some()),
        }
    }
}

/// Adds the refusals that an operation can give, and says of each answer which headers and codes it has. An operation
/// names codes of its own in the description of an answer, in back-quotes. One that shows pages refuses by pages as
/// well.
pub(super) fn complete(operation: &mut Map<String, Value>, at: &Address<'_>, pages: &Pages) {
    let kind = Kind::of(operation, at);
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    let shows_pages = responses.values().any(|answer| answer["content"].get(HTML).is_some());
    let mut by_status = BTreeMap::<_, Vec<&Refusal>>::new();
    for refusal in REFUSALS.iter().filter(|refusal| (refusal.comes_to)(&kind)) {
        by_status.entry(refusal.status).or_default().push(refusal);
    }
    for (status, refusals) in by_status {
        match refusals[..] {
            [alone] if !shows_pages && !responses.contains_key(status) => {
                let shared = json!({"$ref": format!("#/components/responses/{}", alone.name)});
                responses.insert(status.to_owned(), shared);
            }
            _ => join(responses.entry(status).or_insert_with(|| json!({})), &refusals, pages),
        }
    }
    for (status, answer) in responses.iter_mut().filter(|(_, answer)| answer.get("$ref").is_none()) {
        if status.as_str() >= "400" {
            if !has_codes(answer) {
                name_codes(answer, &pages.named_in(&answer["description"]));
            }
            if shows_pages {
                answer["content"][HTML] = json!({"schema": {"type": "string"}});
            }
        }
        describe(answer, said_of(status));
        answer.as_object_mut().into_iter().for_each(|answer| headers::declare(status, answer));
    }
}

/// Adds to what an operation says of a refusal.
fn join(answer: &mut Value, refusals: &[&Refusal], pages: &Pages) {
    let own = pages.named_in(&answer["description"]);
    let texts: Vec<_> = refusals.iter().map(|refusal| refusal.text).collect();
    describe(answer, &texts.join(" "));
    let codes = refusals.iter().flat_map(|refusal| refusal.codes).copied();
    name_codes(answer, &codes.chain(own).collect::<Vec<_>>());
}

/// Says what the answer is, unless its operation did.
fn describe(answer: &mut Value, text: &str) {
    if answer.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
        answer["description"] = text.into();
    }
}

/// What an answer is that its operation says nothing of.
fn said_of(status: &str) -> &'static str {
    match status {
        "201" => "It is made.",
        "202" => "It is taken, and done in the background.",
        "204" => "It is done.",
        _ => "The answer.",
    }
}

/// Every refusal has the same body, but each its own codes.
fn name_codes(answer: &mut Value, codes: &[&str]) {
    let codes: BTreeSet<_> = codes.iter().collect();
    let schema = json!({"allOf": [{"$ref": "#/components/schemas/ProblemBody"},
        {"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "enum": codes}}}]});
    if answer.get("content").is_none() {
        answer["content"] = json!({});
    }
    answer["content"][PROBLEM] = json!({"schema": schema});
}

const PROBLEM: &str = "application/problem+json";
const HTML: &str = "text/html";

fn has_codes(answer: &Value) -> bool {
    codes(answer).is_some_and(|codes| !codes.is_empty())
}

/// The codes that an answer of a finished document names.
pub(super) fn codes(answer: &Value) -> Option<&Vec<Value>> {
    answer["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array()
}

/// The refusals that several operations refer to.
pub(super) fn shared(is_used: impl Fn(&str) -> bool) -> Value {
    let used = REFUSALS.iter().filter(|refusal| is_used(&format!("#/components/responses/{}", refusal.name)));
    let shared = used.map(|refusal| {
        let mut answer = json!({"description": refusal.text});
        name_codes(&mut answer, refusal.codes);
        if let Some(answer) = answer.as_object_mut() {
            headers::declare(refusal.status, answer);
        }
        (refusal.name.to_owned(), answer)
    });
    Value::Object(shared.collect())
}
