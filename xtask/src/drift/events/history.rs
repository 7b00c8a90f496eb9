//! Every revision that a type ever had: its schema without prose, and samples written by the code of that time. They
//! are added and never changed, so each can be compared with today's, also where git's history is not at hand.

use super::{Contracts, git};
use crate::drift::{Files, compat, read};
use anyhow::{Context, Result};
use local_stack::data;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

const HISTORY: &str = "history";
const SAMPLES: &str = "samples";

/// Adds a revision to each type whose schema has changed, and gives how many these are. One that is not committed yet is
/// replaced, so that one commit adds one.
pub async fn extend(
    folder: &Path,
    contracts: &Contracts,
    is_committed: impl AsyncFn(&str) -> Result<bool>,
) -> Result<usize> {
    let mut added = 0;
    for (name, schema) in &contracts.schemas {
        let now = plain(&serde_json::from_str(schema)?);
        let mut kept = revisions(folder, name)?;
        while !kept.is_empty() && !is_committed(&file(HISTORY, name, kept.len())).await? {
            fs::remove_file(folder.join(file(HISTORY, name, kept.len())))?;
            fs::remove_file(folder.join(file(SAMPLES, name, kept.len())))?;
            kept.pop();
        }
        if kept.last() == Some(&now) {
            continue;
        }
        let samples = contracts.samples.get(name).with_context(|| format!("{name} has no samples"))?;
        let content = serde_json::to_string_pretty(&now)? + "\n";
        for (kind, content) in [(HISTORY, &content), (SAMPLES, samples)] {
            let path = folder.join(file(kind, name, kept.len() + 1));
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, content)?;
        }
        added += 1;
    }
    Ok(added)
}

/// What is missing, and which revisions do not live with today's schema.
pub fn faults(folder: &Path, contracts: &Contracts) -> Result<Vec<String>> {
    let mut faults = gone(folder, &contracts.schemas)?;
    for (name, schema) in &contracts.schemas {
        let now: Value = serde_json::from_str(schema)?;
        let kept = revisions(folder, name)?;
        if kept.last() != Some(&plain(&now)) {
            faults.push(format!("{name} has changed since its last revision that is kept, which is {}", kept.len()));
        }
        for (revision, kept) in (1..).zip(&kept) {
            if !folder.join(file(SAMPLES, name, revision)).exists() {
                faults.push(format!("{} is missing", file(SAMPLES, name, revision)));
            }
            let breaks = compat::breaks(kept, &now).into_iter();
            faults.extend(breaks.map(|what| format!("{name} is incompatible with its revision {revision}: {what}")));
        }
    }
    Ok(faults)
}

/// Kept files that are not what they were in the commit `base`. A type that nobody says any more is removed with all
/// its revisions.
pub async fn rewritten(base: &str) -> Result<Vec<String>> {
    let Some(changed) = git::changed_since(base, [HISTORY, SAMPLES]).await? else {
        println!("events: there is no commit {base} here, so nobody sees whether kept revisions were changed");
        return Ok(Vec::new());
    };
    let checkout = data::checkout();
    let lives = |path: &&String| checkout.join(path).parent().is_some_and(Path::exists);
    Ok(changed.iter().filter(lives).map(|path| format!("{path} was changed or removed, which nobody may")).collect())
}

/// Kept types that the code does not have.
fn gone(folder: &Path, schemas: &Files) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for kind in [HISTORY, SAMPLES] {
        for entry in fs::read_dir(folder.join(kind)).into_iter().flatten() {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    let gone = names.into_iter().filter(|name| !schemas.contains_key(name));
    Ok(gone.map(|name| format!("{name} is gone; its messages may not be")).collect())
}

/// The schemas kept, from revision 1 on.
fn revisions(folder: &Path, name: &str) -> Result<Vec<Value>> {
    let files = read(&folder.join(HISTORY).join(name), ".schema.json")?;
    let revision = |number: usize| files.get(&format!("{number}.schema.json"));
    let texts: Vec<_> = (1..).map_while(revision).collect();
    anyhow::ensure!(texts.len() == files.len(), "the revisions of {name} are not numbered from 1 without a gap");
    texts.into_iter().map(|text| Ok(serde_json::from_str(text)?)).collect()
}

fn file(kind: &str, name: &str, revision: usize) -> String {
    let suffix = if kind == HISTORY { ".schema.json" } else { ".json" };
    format!("{kind}/{name}/{revision}{suffix}")
}

/// Without prose, of which no reader takes notice.
fn plain(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let is_prose = |word: &str, value: &Value| matches!(word, "title" | "description") && value.is_string();
            let kept = fields.iter().filter(|(word, value)| !is_prose(word, value));
            Value::Object(kept.map(|(word, value)| (word.clone(), plain(value))).collect())
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contracts(schema: &Value) -> Contracts {
        let of = |content: String| Files::from([("note.written.v1".to_owned(), content)]);
        Contracts { schemas: of(schema.to_string()), samples: of("[{}]".into()), ..none() }
    }

    fn none() -> Contracts {
        let (asyncapi, graph) = (String::new(), String::new());
        Contracts { schemas: Files::new(), samples: Files::new(), asyncapi, graph }
    }

    #[tokio::test]
    async fn a_revision_is_kept_for_each_change_and_compared_with_today() {
        let folder = std::env::temp_dir().join(format!("xtask-history-{}", std::process::id()));
        let first = json!({ "type": "object", "description": "x", "properties": { "title": { "type": "string" } } });
        let draft = json!({ "type": "object" });
        for schema in [&draft, &first] {
            assert_eq!(extend(&folder, &contracts(schema), async |_| Ok(false)).await.unwrap(), 1, "one a commit");
        }
        assert_eq!(faults(&folder, &contracts(&first)).unwrap(), Vec::<String>::new());
        let kept = fs::read_to_string(folder.join(file(HISTORY, "note.written.v1", 1))).unwrap();
        assert!(!kept.contains("description") && kept.contains("title"), "{kept}");
        let better = json!({ "type": "object", "description": "y", "properties": { "title": { "type": "string" } } });
        assert_eq!(faults(&folder, &contracts(&better)).unwrap(), Vec::<String>::new(), "prose is no change");

        let broken = json!({ "type": "object", "properties": { "title": { "type": "integer" } } });
        assert_eq!(extend(&folder, &contracts(&better), async |_| Ok(true)).await.unwrap(), 0);
        let told = faults(&folder, &contracts(&broken)).unwrap();
        assert!(told[0].contains("has changed since its last revision that is kept, which is 1"), "{told:?}");
        assert!(told[1].contains("incompatible with its revision 1: backward, title"), "{told:?}");
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(extend(&folder, &contracts(&broken), async |_| Ok(true)).await.unwrap(), 1);
        assert_eq!(faults(&folder, &contracts(&broken)).unwrap().len(), 2, "revision 1 is still compared");
        assert_eq!(faults(&folder, &none()).unwrap(), ["note.written.v1 is gone; its messages may not be"]);
        fs::remove_file(folder.join(file(SAMPLES, "note.written.v1", 1))).unwrap();
        let told = faults(&folder, &contracts(&broken)).unwrap();
        assert!(told.contains(&"samples/note.written.v1/1.json is missing".to_owned()), "{told:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
