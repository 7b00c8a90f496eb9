//! What is kept of a message: never a secret, never much, and only harmless words to find it by.

use common::trace::TraceContext;
use contracts::{
    envelope::Envelope,
    privacy::{self, PERSONAL_MARK, SECRET_MARK, Sensitivity},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Largest data that are kept, in bytes of JSON: a month of messages must fit on a disk.
const LARGEST_DATA: usize = 16 << 10;
/// Words by which a message is found, at most, and bytes of one.
const MOST_WORDS: usize = 200;
const LONGEST_WORD: usize = 100;

/// A message as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// Of the trace that it is part of (W3C Trace Context), 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// Without secrets; `None` if they are too large, or of a type that is not known here.
    pub data: Option<Value>,
    pub words: Vec<String>,
}

impl Kept {
    pub fn of(envelope: &Envelope) -> Self {
        let Envelope { kind, data, traceparent, .. } = envelope;
        let trace: Option<TraceContext> = traceparent.as_deref().and_then(|text| text.parse().ok());
        let small = |data: &Value| data.to_string().len() <= LARGEST_DATA;
        let mut words = BTreeSet::new();
        if let Some(harmless) = privacy::redact(kind, data, Sensitivity::Harmless) {
            collect(&harmless, &mut words);
        }
        Self {
            trace_id: trace.map(|trace| trace.trace_id()),
            data: privacy::redact(kind, data, Sensitivity::Personal).filter(small),
            words: words.into_iter().take(MOST_WORDS).collect(),
        }
    }
}

/// The words of a text that is looked for, as they are kept; those of a message are the same ones.
pub fn sought(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// Each text as a whole (an id, a host), the words in it that spaces part, and their parts.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text != PERSONAL_MARK && text != SECRET_MARK => {
            for word in text.split_whitespace().map(str::to_lowercase) {
                let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| *part != word);
                words.extend(parts.filter(|part| fits(part)).map(str::to_owned));
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
    use contracts::messages::{Message, SendMail, ServicePublished};
    use serde_json::json;

    fn envelope(kind: &str, data: Value) -> Envelope {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let envelope = json!({ "specversion": "1.0", "id": id, "source": "/services/auth", "type": kind,
            "time": "2026-01-01T00:00:00Z", "data": data,
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
        serde_json::from_value(envelope).unwrap()
    }

    #[test]
    fn no_secret_is_kept_and_nobody_is_found_by_name() {
        let mail = json!({ "key": "Invoice:00000001", "recipient": "ada@acme.example", "template": "verify-email",
            "variables": { "link": "https://example.com/x" } });
        let kept = Kept::of(&envelope(SendMail::TYPE, mail));
        assert_eq!(kept.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(kept.words, ["00000001", "email", "invoice", "invoice:00000001", "verify", "verify-email"]);
        let data = kept.data.unwrap();
        assert_eq!((&data["variables"], &data["recipient"]), (&json!(SECRET_MARK), &json!("ada@acme.example")));
        assert!(sought(" Invoice:00000001 ").iter().all(|word| kept.words.contains(word)));
    }

    #[test]
    fn what_is_large_or_unknown_is_kept_without_its_data() {
        let large = json!({ "manifest": { "service": "forum", "description": "x ".repeat(LARGEST_DATA) } });
        let kept = Kept::of(&envelope(ServicePublished::TYPE, large));
        assert_eq!((kept.data, &kept.words[..]), (None, &["forum".to_owned(), "x".to_owned()][..]));
        let kept = Kept::of(&envelope("nobody.says.v1", json!({ "link": "https://example.com" })));
        assert_eq!((kept.data, kept.words.len()), (None, 0));
    }
}
