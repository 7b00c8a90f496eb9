//! What is kept of a message: never a secret, never much, and only harmless words to find it by.

use chrono::{DateTime, Utc};
use common::trace::TraceContext;
use contracts::{
    envelope::Envelope,
    messages::{JobFinished, Message, RunJob},
    privacy::{self, PERSONAL_MARK, SECRET_MARK, Sensitivity},
};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Largest data that are kept, in bytes of JSON: a month of messages must fit on a disk.
const LARGEST_DATA: usize = 16 << 10;
/// Words of its data by which a message is found, at most, and bytes of one.
const MOST_WORDS: usize = 100;
const LONGEST_WORD: usize = 100;
/// Characters of a type or a source.
const LONGEST_NAME: usize = 100;

/// A message as it is kept.
#[derive(Debug)]
pub struct Kept {
    pub id: Uuid,
    pub kind: String,
    pub source: String,
    pub tenant: Option<Uuid>,
    pub time: DateTime<Utc>,
    /// Of the trace that it is part of (W3C Trace Context), 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The job that it orders, or whose end it tells.
    pub job: Option<Uuid>,
    /// Without secrets; `None` if they are too large, or of a type that is not known here.
    pub data: Option<Value>,
    /// What it is found by, in lower case and without spaces.
    pub words: Vec<String>,
}

impl Kept {
    pub fn of(envelope: &Envelope) -> Self {
        let Envelope { kind, source, data, traceparent, .. } = envelope;
        let trace: Option<TraceContext> = traceparent.as_deref().and_then(|text| text.parse().ok());
        let (kind, trace_id) = (short(kind), trace.map(|trace| trace.trace_id()));
        let job = if [RunJob::TYPE, JobFinished::TYPE].contains(&&*kind) { job_of(data) } else { None };
        let mut words: Vec<_> = word(&kind).into_iter().chain(trace_id.clone()).collect();
        words.extend(job.map(|job| job.to_string()));
        let mut harmless = BTreeSet::new();
        if let Some(data) = privacy::redact(&kind, data, Sensitivity::Harmless) {
            collect(&data, &mut harmless);
        }
        harmless.retain(|word| !words.contains(word));
        words.extend(harmless.into_iter().take(MOST_WORDS));
        let is_small = data.to_string().len() <= LARGEST_DATA;
        Self {
            id: envelope.id.0,
            source: short(source),
            tenant: envelope.tenant.map(|tenant| tenant.0),
            time: envelope.time,
            trace_id,
            job,
            data: if is_small { privacy::redact(&kind, data, Sensitivity::Personal) } else { None },
            kind,
            words,
        }
    }
}

/// The words of a text that is looked for, as they are kept; those of a message are the same ones.
pub fn sought(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

fn job_of(data: &Value) -> Option<Uuid> {
    data.get("job_id")?.as_str()?.parse().ok()
}

/// Of a name, what is kept of it: a message may claim any.
fn short(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

fn word(text: &str) -> Option<String> {
    Some(text.to_lowercase()).filter(|word| fits(word) && !word.contains(char::is_whitespace))
}

/// Each text as a whole (an id, a host), the words in it that spaces part, and their parts; those of ids nobody knows,
/// and times are looked for otherwise.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text != PERSONAL_MARK && text != SECRET_MARK => {
            for word in text.split_whitespace().filter(|word| DateTime::parse_from_rfc3339(word).is_err()) {
                let word = word.to_lowercase();
                if Uuid::try_parse(&word).is_err() {
                    let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| *part != word);
                    words.extend(parts.filter(|part| fits(part)).map(str::to_owned));
                }
                if fits(&word) {
                    words.insert(word);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, words)),
        _ => {}
    }
}

fn fits(word: &str) -> bool {
    (1..=LONGEST_WORD).contains(&word.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::messages::{SendMail, ServicePublished};
    use serde_json::json;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn envelope(kind: &str, data: Value) -> Envelope {
        let envelope = json!({ "specversion": "1.0", "id": ID, "source": "/services/auth", "type": kind,
            "time": "2026-01-01T00:00:00Z", "data": data, "traceparent": format!("00-{TRACE}-b7ad6b7169203331-01") });
        serde_json::from_value(envelope).unwrap()
    }

    #[test]
    fn no_secret_is_kept_and_nobody_is_found_by_name() {
        let mail = json!({ "key": "Invoice:00000001", "recipient": "ada@acme.example", "template": "verify-email",
            "variables": { "link": "https://example.com/x" }, "expires_at": "2026-01-02T00:00:00Z" });
        let kept = Kept::of(&envelope(SendMail::TYPE, mail));
        assert_eq!(kept.trace_id.as_deref(), Some(TRACE));
        let words = ["00000001", "email", "invoice", "invoice:00000001", "verify", "verify-email"];
        assert_eq!(kept.words, [&[SendMail::TYPE, TRACE], &words[..]].concat());
        let data = kept.data.unwrap();
        assert_eq!((&data["variables"], &data["recipient"]), (&json!(SECRET_MARK), &json!("ada@acme.example")));
        assert!(sought(" Invoice:00000001 ").iter().all(|word| kept.words.contains(word)));
    }

    #[test]
    fn a_job_is_found_by_its_id_and_not_by_parts_of_it() {
        let order = json!({ "job_id": ID, "kind": "instance.drop", "payload": { "link": "https://example.com" } });
        let kept = Kept::of(&envelope(RunJob::TYPE, order));
        assert_eq!(kept.job.map(|job| job.to_string()).as_deref(), Some(ID));
        assert_eq!(kept.words[2..], [ID, "drop", "instance", "instance.drop"]);
    }

    #[test]
    fn what_is_large_or_unknown_is_kept_without_its_data() {
        let large = json!({ "manifest": { "service": "forum", "description": "x ".repeat(LARGEST_DATA) } });
        let kept = Kept::of(&envelope(ServicePublished::TYPE, large));
        assert_eq!((kept.data, &kept.words[2..]), (None, &["forum".to_owned(), "x".to_owned()][..]));
        let kept = Kept::of(&envelope("nobody.says.v1", json!({ "job_id": ID, "link": "https://example.com" })));
        assert_eq!((kept.data, kept.words.len(), kept.job), (None, 2, None));
        let long = Kept::of(&envelope(&"x".repeat(1 << 20), json!({})));
        assert_eq!((long.kind.len(), long.words.len()), (LONGEST_NAME, 2));
        let spaced = Kept::of(&envelope("two words", json!({})));
        assert_eq!(spaced.words, [TRACE]);
    }
}
