//! Recordings of what tests send and get, of which `cargo xtask examples` makes the examples of the documents.

use super::Asked;
use crate::TestAnswer;
use serde_json::{Map, Value, json};
use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

/// The folder that recordings go to: `<service>/<operationId>/<hash>.json`. Without it there are none.
const FOLDER: &str = "RECORD_EXAMPLES";

/// Keeps what was asked and answered, unless it was answered before.
pub fn keep(service: &Value, operation: &Value, asked: &Asked, answer: &TestAnswer) {
    let id = operation["operationId"].as_str();
    let (Some(folder), Some(service), Some(id)) = (env::var_os(FOLDER), service.as_str(), id) else { return };
    if answer.header("idempotency-replayed").is_some() {
        return;
    }
    let recording = recording(operation.get("requestBody").is_some(), asked, answer).to_string();
    let mut hash = DefaultHasher::new();
    recording.hash(&mut hash);
    let folder = Path::new(&folder).join(service).join(id);
    fs::create_dir_all(&folder).expect("a folder for recordings");
    fs::write(folder.join(format!("{:016x}.json", hash.finish())), recording).expect("a recording");
}

fn recording(reads: bool, asked: &Asked, answer: &TestAnswer) -> Value {
    let mut recording = json!({"path": asked.path, "status": answer.status});
    if let (Some(kind), true, false) = (&asked.content_type, reads, asked.body.is_empty()) {
        recording["request"] = serde_json::from_slice(&asked.body).unwrap_or_else(|_| fields(&asked.body));
        recording["content_type"] = kind.split(';').next().unwrap_or_default().trim().into();
    }
    if !answer.json.is_null() {
        recording["response"] = answer.json.clone();
    }
    recording
}

/// Of a form.
fn fields(body: &[u8]) -> Value {
    let text = format!("http://form/?{}", String::from_utf8_lossy(body));
    let url = reqwest::Url::parse(&text).expect("a form is a query");
    Value::Object(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into())).collect::<Map<_, _>>())
}
