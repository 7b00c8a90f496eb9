//! `docs/settings.md`: every setting of every service, as their binaries say what they read.

use super::{Files, differences, openapi, read, verdict};
use anyhow::{Context, Result};
use local_stack::data;
use serde_json::Value;
use std::{collections::BTreeMap, fs, process::ExitCode};

const PAGE: &str = "settings.md";
const HEAD: &str = "# Settings

What each service reads from its environment, once, when it starts; an empty value counts as absent.
`cargo xtask settings` writes this page from what the binaries say (`<service> settings`). The SDK of AWS reads variables
of its own, such as `AWS_ENDPOINT_URL` and credentials ([which](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html)).

| setting | value | default | meaning | services |
| --- | --- | --- | --- | --- |
";

pub async fn run(check: bool) -> Result<ExitCode> {
    let mut asked = BTreeMap::<String, Row>::new();
    let answers = openapi::ask_each("settings").await?;
    for (service, answer) in &answers {
        let settings: Vec<Value> = serde_json::from_str(answer).with_context(|| format!("{service} settings"))?;
        for setting in settings {
            let row = Row::from(&setting);
            let known = asked.entry(format!("{} {}", row.name, row.meaning)).or_insert(row.clone());
            if known.default != row.default {
                known.default = "by service".into();
            }
            known.services.push(service.clone());
        }
    }
    let rows: String = asked.values().map(|row| row.markdown(answers.len())).collect();
    let wanted = Files::from([(PAGE.to_owned(), format!("{HEAD}{rows}"))]);
    let folder = data::checkout().join("docs");
    if check {
        let committed = read(&folder, PAGE)?;
        let faults = differences(&committed, &wanted);
        return Ok(verdict("settings", &faults, "Run `cargo xtask settings` and commit the result."));
    }
    fs::write(folder.join(PAGE), &wanted[PAGE])?;
    println!("wrote {} settings to docs/{PAGE}", asked.len());
    Ok(ExitCode::SUCCESS)
}

/// A setting, and who reads it.
#[derive(Clone)]
struct Row {
    name: String,
    kind: String,
    default: String,
    meaning: String,
    services: Vec<String>,
}

impl From<&Value> for Row {
    fn from(setting: &Value) -> Self {
        let text = |field: &str| setting[field].as_str().unwrap_or_default().to_owned();
        let default = match (setting["required"] == true, setting["secret"] == true, setting["default"].as_str()) {
            (true, true, _) => "required, secret".into(),
            (true, false, _) => "required".into(),
            (false, true, _) => "none, secret".into(),
            (_, _, None | Some("")) => "none".into(),
            (_, _, Some(default)) => format!("`{default}`"),
        };
        let kind = text("kind").replace("String", "text");
        Self { name: text("name"), kind, default, meaning: text("meaning"), services: Vec::new() }
    }
}

impl Row {
    fn markdown(&self, programs: usize) -> String {
        let Self { name, kind, default, meaning, services } = self;
        let services = if services.len() == programs { "all".to_owned() } else { services.join(", ") };
        format!("| `{name}` | {kind} | {default} | {meaning} | {services} |\n")
    }
}
