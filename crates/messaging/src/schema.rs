//! JSON Schemas of messages, compiled: do the data fit, and where do they not? Asked before a message is committed, and
//! before it is handled.

use contracts::{
    contract::EXTENSIBLE,
    envelope::Envelope,
    jobs,
    messages::{Message, RunJob},
    schemas,
};
use jsonschema::{Draft, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Longest envelope that is published, in bytes: SNS and SQS take 256 KiB with all attributes, and what befalls a
/// message travels in attributes.
pub const LARGEST_BODY: usize = 250_000;
/// Longest place that is told, in bytes; the keys of a map are its writer's.
const LONGEST_PLACE: usize = 200;

/// Every message's and job's; built at the first message of the process.
static SCHEMAS: LazyLock<BTreeMap<String, Compiled>> = LazyLock::new(|| {
    schemas::all().into_iter().map(|contract| (contract.name, Compiled::new(contract.schema.to_value()))).collect()
});

/// Why data are no message of their type. Names places and rules, never a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("there is no schema '{0}'")]
    Unknown(String),
    #[error("it has {bytes} bytes, more than {LARGEST_BODY}")]
    TooLarge { bytes: usize },
    #[error("{place}: {rule}")]
    Schema { place: String, rule: String },
    /// A variant that this process does not know, of a type that says that variants are added.
    #[error("{place}: a variant that is not known here")]
    Newer { place: String },
}

struct Compiled {
    validator: Validator,
    variants: Option<Variants>,
}

/// Of a type that gets more of them: a reader that does not know one leaves the message to one that does.
struct Variants {
    tag: String,
    known: BTreeSet<String>,
}

/// Whether `data` are a message of the type.
pub fn check(kind: &str, data: &Value) -> Result<(), Misfit> {
    SCHEMAS.get(kind).ok_or_else(|| Misfit::Unknown(kind.to_owned()))?.check(data)
}

/// Whether `data` that arrived are a message of the type, and a job's payload one of its kind and version, if those are
/// known here: others wait for a worker that knows them.
pub fn check_incoming(kind: &str, data: &Value) -> Result<(), Misfit> {
    check(kind, data)?;
    match check_payload(kind, data) {
        Err(Misfit::Unknown(_)) => Ok(()),
        checked => checked,
    }
}

/// Whether the envelope may be published: its data fit, a job's payload, too, and SNS and SQS take it.
pub fn check_outgoing(envelope: &Envelope) -> Result<(), Misfit> {
    check(&envelope.kind, &envelope.data)?;
    check_payload(&envelope.kind, &envelope.data)?;
    let bytes = serde_json::to_vec(envelope).map_or(0, |body| body.len());
    if bytes > LARGEST_BODY { Err(Misfit::TooLarge { bytes }) } else { Ok(()) }
}

fn check_payload(kind: &str, data: &Value) -> Result<(), Misfit> {
    if kind != RunJob::TYPE {
        return Ok(());
    }
    let version = data.get("version").map_or(Some(1), Value::as_u64);
    let name = jobs::schema_name(data["kind"].as_str().unwrap_or_default(), version.unwrap_or_default());
    check(&name, &data["payload"]).map_err(|misfit| misfit.within("/payload"))
}

impl Misfit {
    fn schema(place: String, rule: impl Into<String>) -> Self {
        let place = if place.is_empty() { "/".to_owned() } else { place };
        Self::Schema { place: place[..place.floor_char_boundary(LONGEST_PLACE)].to_owned(), rule: rule.into() }
    }

    fn within(self, parent: &str) -> Self {
        match self {
            Self::Schema { place, rule } => Self::schema(format!("{parent}{place}"), rule),
            other => other,
        }
    }
}

impl Compiled {
    fn new(schema: Value) -> Self {
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = options.build(&schema).expect("schemas of this program compile, as a test of it proves");
        Self { validator, variants: Variants::of(&schema) }
    }

    fn check(&self, data: &Value) -> Result<(), Misfit> {
        if let Some(place) = nul(data) {
            return Err(Misfit::schema(place, "holds U+0000, which no database keeps"));
        }
        if self.validator.is_valid(data) {
            return Ok(());
        }
        if let Some(tag) = self.variants.as_ref().and_then(|variants| variants.unknown_in(data)) {
            return Err(Misfit::Newer { place: format!("/{tag}") });
        }
        self.validator.iter_errors(data).next().map_or(Ok(()), |error| Err(misfit(&error)))
    }
}

impl Variants {
    fn of(schema: &Value) -> Option<Self> {
        let tag = schema.get(EXTENSIBLE)?.as_str()?.to_owned();
        let variants = schema.get("oneOf")?.as_array()?.iter();
        let known = variants.filter_map(|variant| variant["properties"][&tag]["const"].as_str());
        Some(Self { known: known.map(str::to_owned).collect(), tag })
    }

    fn unknown_in(&self, data: &Value) -> Option<&str> {
        let named = data.get(&self.tag)?.as_str()?;
        (!self.known.contains(named)).then_some(&self.tag)
    }
}

/// The place (RFC 6901) of a text or key with U+0000, which no database keeps, if there is one.
pub fn nul(data: &Value) -> Option<String> {
    match data {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(format!("/{index}{}", nul(item)?)))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| match name.contains('\0') {
            true => Some(String::new()),
            false => Some(format!("/{name}{}", nul(value)?)),
        }),
        _ => None,
    }
}

fn misfit(error: &ValidationError<'_>) -> Misfit {
    let place = error.instance_path().as_str().to_owned();
    match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            meant(context).map_or_else(|| Misfit::schema(place, error.kind().keyword()), misfit)
        }
        ValidationErrorKind::Required { property } => {
            Misfit::schema(format!("{place}/{}", property.as_str().unwrap_or_default()), "required")
        }
        kind => Misfit::schema(place, kind.keyword()),
    }
}

/// What is wrong with the variant that is meant: the only one whose tag is right.
fn meant<'e>(variants: &'e [Vec<ValidationError<'static>>]) -> Option<&'e ValidationError<'static>> {
    let is_tag = |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Constant { .. });
    let mut meant = variants.iter().filter(|errors| !errors.iter().any(is_tag));
    let only = meant.next().filter(|_| variants.len() > 1)?;
    if meant.next().is_some() { None } else { only.first() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use contracts::{
        id::{InstanceId, JobId, MessageId},
        jobs::{BundlePart, MigrateInstance},
        messages::{MemberJoined, SendMail},
    };
    use serde_json::json;
    use uuid::Uuid;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn told(kind: &str, data: Value) -> String {
        check(kind, &data).unwrap_err().to_string()
    }

    #[test]
    fn every_schema_compiles() {
        assert!(
            SCHEMAS.contains_key(MemberJoined::TYPE) && SCHEMAS.contains_key(&jobs::schema_name("instance.seed", 1))
        );
    }

    #[test]
    fn the_place_that_does_not_fit_is_told_and_never_the_value() {
        let joined = |user_id: Value| json!({ "tenant_id": ID, "user_id": user_id, "later": 1 });
        assert_eq!(check(MemberJoined::TYPE, &joined(json!(ID))), Ok(()));
        for (data, expected) in [
            (joined(json!("secret")), "/user_id: format"),
            (joined(json!(17)), "/user_id: type"),
            (joined(json!("secret\0")), "/user_id: holds U+0000, which no database keeps"),
            (json!({ "tenant_id": ID }), "/user_id: required"),
            (json!("secret"), "/: type"),
        ] {
            assert_eq!(told(MemberJoined::TYPE, data), expected);
        }
        let reason = told(MemberJoined::TYPE, json!({ "x".repeat(5_000): "\0" }));
        assert!(reason.len() < 300, "{reason}");
        assert_eq!(told("nobody.says.v1", json!({})), "there is no schema 'nobody.says.v1'");
    }

    #[test]
    fn the_variant_that_is_meant_says_what_is_wrong_and_an_unknown_one_is_newer() {
        let mail = |template: &str, variables: Value| {
            let mut order = json!({ "key": "k", "recipient": "ada@acme.test", "template": template });
            order["variables"] = variables;
            order
        };
        assert_eq!(check(SendMail::TYPE, &mail("notice", json!({ "title": "a", "text": "b" }))), Ok(()));
        assert_eq!(told(SendMail::TYPE, mail("notice", json!({ "title": "a" }))), "/variables/text: required");
        let newer = check(SendMail::TYPE, &mail("birthday", json!({})));
        assert_eq!(newer, Err(Misfit::Newer { place: "/template".into() }));
        assert_eq!(told(SendMail::TYPE, json!({ "key": "k", "recipient": "r", "template": 1 })), "/: oneOf");
    }

    fn order(version: &str) -> Envelope {
        let bundle = BundlePart { service: "forum".into(), bundle_version: version.into(), modules: Vec::new() };
        let id = Uuid::nil();
        let order = RunJob::of(JobId(id), InstanceId(id), &MigrateInstance { bundle }).unwrap();
        Envelope::new(MessageId(id), DateTime::UNIX_EPOCH, "configurator", None, &order).unwrap()
    }

    #[test]
    fn what_is_published_fits_its_schema_and_the_room_that_sns_has() {
        let mut envelope = order("1.0.0");
        assert_eq!(check_outgoing(&envelope), Ok(()));
        envelope.data["payload"]["modules"] = json!([1]);
        let told = check_outgoing(&envelope).unwrap_err().to_string();
        assert_eq!(told, "/payload/modules/0: type");
        assert_eq!(check_incoming(RunJob::TYPE, &envelope.data).unwrap_err().to_string(), told);
        envelope.data["version"] = json!(7);
        assert_eq!(check_incoming(RunJob::TYPE, &envelope.data), Ok(()), "it waits for a worker that knows it");
        let told = check_outgoing(&envelope).unwrap_err().to_string();
        assert_eq!(told, "there is no schema 'job.instance.migrate.v7'");
        let large = check_outgoing(&order(&"1".repeat(LARGEST_BODY)));
        assert!(matches!(large, Err(Misfit::TooLarge { .. })), "{large:?}");
    }
}
