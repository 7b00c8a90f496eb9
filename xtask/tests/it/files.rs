//! Where are the files that deployments are made of, and what do they say?

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The services that run on ECS, in the order of their names.
pub use contracts::roster::NAMES as SERVICES;

/// The account in all committed files; AWS keeps this number for documentation.
pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";
pub const PREFIX: &str = "sevenleague";

pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn text(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The JSON files of a folder, by name without extension.
pub fn folder(path: &str) -> BTreeMap<String, Value> {
    let entries = fs::read_dir(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let value = serde_json::from_slice(&fs::read(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), value)
        })
        .collect()
}

pub fn task_definitions() -> BTreeMap<String, Value> {
    folder("ecs/taskdefs")
}

/// The task definition of one service, or of the migrations.
pub fn task_definition(name: &str) -> Value {
    task_definitions().remove(name).unwrap_or_else(|| panic!("there is no ecs/taskdefs/{name}.json"))
}

/// The elements of an array; none if it is absent.
pub fn items<'a>(parent: &'a Value, key: &str) -> &'a [Value] {
    parent[key].as_array().map_or(&[], Vec::as_slice)
}

/// The string members called `key` of the array `list`.
pub fn names<'a>(parent: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    items(parent, list).iter().filter_map(|item| item[key].as_str()).collect()
}

/// The lines below the line `head` that are indented further.
pub fn yaml_block<'a>(yaml: &'a str, head: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    yaml.lines()
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| line.is_empty() || depth(line) > depth(head))
        .collect()
}

#[test]
fn every_service_has_a_task_definition_and_so_have_the_migrations() {
    let mut expected = SERVICES.map(String::from).to_vec();
    expected.insert(4, "migrate".into());
    assert_eq!(task_definitions().into_keys().collect::<Vec<_>>(), expected);
}
