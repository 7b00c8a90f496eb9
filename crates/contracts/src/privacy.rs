//! Who may read a field of a message? Everything that a message or job may carry is declared here, by JSON pointer
//! (RFC 6901); what is not declared is taken for a secret.
//!
//! A declaration holds for all below it, and the longest one counts.

use crate::{
    jobs::schema_name,
    messages::{
        AccountResumed, AccountSuspended, ClientDeleted, FeatureDisabled, FeatureEnabled, JobFinished, MemberJoined,
        Message, RunJob, SendMail, ServicePublished, SessionCompromised, TenantCreated, UsageBatchRecorded,
        UsageRecorded,
    },
};
use Sensitivity::{Harmless, Personal, Secret};
use serde_json::Value;

/// What a field may give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Ids, names of products, numbers: whoever reads messages at all may read it.
    Harmless,
    /// Names and addresses of people, what they have written: for those who may read personal data.
    Personal,
    /// What lets somebody in, such as a link in a mail: for nobody but its consumer.
    Secret,
}

/// What stands for a text that the reader may not read.
pub const PERSONAL_MARK: &str = "[personal]";
/// What stands for a text that nobody may read.
pub const SECRET_MARK: &str = "[secret]";

/// The payload of an order is declared with its job.
const PAYLOAD: &str = "payload";

type Declared = (&'static str, &'static [(&'static str, Sensitivity)]);

const DECLARED: &[Declared] = &[
    (
        TenantCreated::TYPE,
        &[
            ("/tenant_id", Harmless),
            ("/name", Personal),
            ("/kind", Harmless),
            ("/owner_user_id", Harmless),
            ("/owner_email", Personal),
        ],
    ),
    (MemberJoined::TYPE, &[("/tenant_id", Harmless), ("/user_id", Harmless), ("/membership_id", Harmless)]),
    (ClientDeleted::TYPE, &[("/tenant_id", Harmless), ("/client_id", Harmless)]),
    (
        SessionCompromised::TYPE,
        &[
            ("/tenant_id", Harmless),
            ("/user_id", Harmless),
            ("/session_id", Harmless),
            ("/client_id", Harmless),
            ("/reason", Harmless),
        ],
    ),
    (ServicePublished::TYPE, &[("/manifest", Harmless)]),
    (
        FeatureEnabled::TYPE,
        &[
            ("/instance_id", Harmless),
            ("/service", Harmless),
            ("/feature", Harmless),
            ("/host", Harmless),
            ("/effective_at", Harmless),
            ("/version", Harmless),
            ("/generation", Harmless),
        ],
    ),
    (
        FeatureDisabled::TYPE,
        &[
            ("/instance_id", Harmless),
            ("/service", Harmless),
            ("/feature", Harmless),
            ("/effective_at", Harmless),
            ("/version", Harmless),
            ("/generation", Harmless),
        ],
    ),
    (
        JobFinished::TYPE,
        &[
            ("/job_id", Harmless),
            ("/kind", Harmless),
            ("/instance_id", Harmless),
            ("/outcome", Harmless),
            // It may quote what a tenant has written.
            ("/reason", Personal),
            ("/run", Harmless),
            ("/cancelled", Harmless),
        ],
    ),
    (
        AccountSuspended::TYPE,
        &[("/tenant_id", Harmless), ("/invoice_id", Harmless), ("/suspended_at", Harmless), ("/generation", Harmless)],
    ),
    (AccountResumed::TYPE, &[("/tenant_id", Harmless), ("/resumed_at", Harmless), ("/generation", Harmless)]),
    (
        SendMail::TYPE,
        &[
            ("/key", Harmless),
            ("/recipient", Personal),
            ("/template", Harmless),
            ("/variables", Secret),
            ("/expires_at", Harmless),
        ],
    ),
    (
        RunJob::TYPE,
        &[
            ("/job_id", Harmless),
            ("/kind", Harmless),
            ("/version", Harmless),
            ("/instance_id", Harmless),
            ("/payload", Secret),
            ("/unique_key", Harmless),
            ("/priority", Harmless),
            ("/run_after", Harmless),
        ],
    ),
    (
        UsageRecorded::TYPE,
        &[
            ("/instance_id", Harmless),
            ("/service", Harmless),
            ("/meter", Harmless),
            ("/key", Harmless),
            ("/quantity", Harmless),
            ("/occurred_at", Harmless),
        ],
    ),
    (UsageBatchRecorded::TYPE, &[("/instance_id", Harmless), ("/service", Harmless), ("/events", Harmless)]),
    (
        "job.bundle.command.v1",
        &[
            ("/service", Harmless),
            ("/bundle_version", Harmless),
            ("/command", Harmless),
            ("/input", Personal),
            ("/objects", Harmless),
        ],
    ),
    (
        "job.bundle.failure.v1",
        &[
            ("/service", Harmless),
            ("/bundle_version", Harmless),
            ("/command", Harmless),
            ("/job_id", Harmless),
            // As the reason of the end itself.
            ("/reason", Personal),
        ],
    ),
    ("job.instance.migrate.v1", BUNDLE),
    (
        "job.instance.seed.v1",
        &[("/service", Harmless), ("/bundle_version", Harmless), ("/modules", Harmless), ("/settings", Personal)],
    ),
];

const BUNDLE: &[(&str, Sensitivity)] = &[("/service", Harmless), ("/bundle_version", Harmless), ("/modules", Harmless)];

/// `data` of a message of that type (or of a job, by [`schema_name`]) with marks in place of what is more sensitive
/// than `shown`. `None` if the type is not known here.
pub fn redact(name: &str, data: &Value, shown: Sensitivity) -> Option<Value> {
    let declared = declared(name)?;
    let mut redacted = data.clone();
    let payload = (name == RunJob::TYPE).then(|| redact_payload(data, shown)).flatten();
    hide(&mut redacted, declared, String::new(), shown);
    if let (Some(payload), Some(field)) = (payload, redacted.get_mut(PAYLOAD)) {
        *field = payload;
    }
    Some(redacted)
}

fn redact_payload(order: &Value, shown: Sensitivity) -> Option<Value> {
    let version = order.get("version").map_or(Some(1), Value::as_u64)?;
    redact(&schema_name(order.get("kind")?.as_str()?, version), order.get(PAYLOAD)?, shown)
}

fn declared(name: &str) -> Option<&'static [(&'static str, Sensitivity)]> {
    DECLARED.iter().find(|(declared, _)| *declared == name).map(|(_, fields)| *fields)
}

/// How sensitive what is at `pointer` is; `None` if nothing is declared for it.
fn sensitivity(fields: &[(&str, Sensitivity)], pointer: &str) -> Option<Sensitivity> {
    let covers = |field: &str| pointer.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let covering = fields.iter().filter(|(field, _)| covers(field));
    covering.max_by_key(|(field, _)| field.len()).map(|(_, sensitivity)| *sensitivity)
}

/// Names of fields may be anybody's words, too, so what is not harmless is hidden as a whole.
fn hide(value: &mut Value, fields: &[(&str, Sensitivity)], pointer: String, shown: Sensitivity) {
    match sensitivity(fields, &pointer) {
        Some(sensitivity) if sensitivity <= shown => return,
        Some(Personal) => return *value = PERSONAL_MARK.into(),
        Some(_) => return *value = SECRET_MARK.into(),
        None => {}
    }
    match value {
        Value::Object(members) if pointer.is_empty() => {
            for (name, member) in members {
                hide(member, fields, format!("/{}", name.replace('~', "~0").replace('/', "~1")), shown);
            }
        }
        Value::Null => {}
        other => *other = SECRET_MARK.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas;
    use serde_json::json;
    use std::collections::BTreeSet;

    /// The properties of a schema's root, those of its variants included.
    fn properties(schema: &Value) -> BTreeSet<String> {
        let own = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys().cloned());
        let variants = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
        own.chain(variants.flat_map(properties)).collect()
    }

    #[test]
    fn every_field_of_every_message_and_job_is_declared_and_nothing_else_is() {
        let contracts: Vec<_> = schemas::all().into_iter().filter(|contract| contract.name != "envelope").collect();
        for contract in &contracts {
            let fields = declared(&contract.name).unwrap_or_else(|| panic!("{} is not declared", contract.name));
            let schema = contract.schema.clone().to_value();
            assert!(schema.get("$ref").is_none(), "{}: the properties stand elsewhere", contract.name);
            let expected: BTreeSet<_> = properties(&schema).iter().map(|name| format!("/{name}")).collect();
            let declared: BTreeSet<_> = fields.iter().map(|(field, _)| (*field).to_owned()).collect();
            assert_eq!(declared, expected, "{}", contract.name);
        }
        assert_eq!(DECLARED.len(), contracts.len(), "something is declared that nobody says any more");
    }

    #[test]
    fn a_reader_sees_what_is_for_them() {
        let mail = json!({ "key": "k", "recipient": "ada@acme.example", "template": "invitation",
            "variables": { "link": "https://x" }, "later": { "link": "https://y" }, "none": null });
        let seen = |shown| redact(SendMail::TYPE, &mail, shown).unwrap();
        let personal = json!({ "key": "k", "recipient": "ada@acme.example", "template": "invitation",
            "variables": SECRET_MARK, "later": SECRET_MARK, "none": null });
        assert_eq!(seen(Personal), personal);
        let mut harmless = personal;
        harmless["recipient"] = PERSONAL_MARK.into();
        assert_eq!(seen(Harmless), harmless);
        assert_eq!(redact("nobody.says.v1", &mail, Personal), None);
        assert_eq!(redact(SendMail::TYPE, &json!(["https://x"]), Personal), Some(SECRET_MARK.into()));
    }

    #[test]
    fn the_payload_of_an_order_is_shown_as_its_job_says() {
        let order = |kind: &str| json!({ "job_id": "j", "kind": kind, "payload": { "service": "forum", "settings": { "title": "Ada's" } } });
        let seen = |kind, shown| redact(RunJob::TYPE, &order(kind), shown).unwrap()["payload"].clone();
        assert_eq!(seen("instance.seed", Harmless), json!({ "service": "forum", "settings": PERSONAL_MARK }));
        assert_eq!(seen("instance.seed", Personal)["settings"]["title"], "Ada's");
        assert_eq!(seen("instance.unheard", Personal), SECRET_MARK);
    }
}
