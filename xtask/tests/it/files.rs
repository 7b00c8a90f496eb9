//! The files that deployments are made of: where they are, and what they say.

use local_stack::products::{self, Product};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs, iter, mem,
    path::{Path, PathBuf},
};

/// The services that run on ECS, in the order of their names.
pub use contracts::roster::NAMES as SERVICES;
/// The task that migrates all their databases.
pub const MIGRATE: &str = "migrate";
/// The account in all committed files; AWS keeps this number for documentation.
pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";
pub const PREFIX: &str = "sevenleague";

/// The bucket with the objects of a product's instances.
pub fn bucket(product: &str) -> String {
    format!("{PREFIX}-{product}-{ACCOUNT}")
}

pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn text(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The JSON files of a folder, by name without extension.
pub fn folder(path: impl AsRef<Path>) -> BTreeMap<String, Value> {
    let folder = checkout().join(path);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
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

pub fn products() -> Vec<Product> {
    products::all().unwrap()
}

/// The JSON files of that folder of the platform's deployment, and of each product's that has one.
fn deployed(path: &str) -> BTreeMap<String, Value> {
    let products = products().into_iter().map(|product| product.folder.join("ecs")).filter(|folder| folder.exists());
    let mut files = folder(Path::new("ecs").join(path));
    for ecs in products {
        for (name, file) in folder(ecs.join(path)) {
            assert!(files.insert(name.clone(), file).is_none(), "there are two files {path}/{name}.json");
        }
    }
    files
}

pub fn task_definitions() -> BTreeMap<String, Value> {
    deployed("taskdefs")
}

/// Policies of one kind, `task` or `execution`.
pub fn policies(kind: &str) -> BTreeMap<String, Value> {
    deployed(&format!("policies/{kind}"))
}

/// The task definition of one service, or of the migrations.
pub fn task_definition(name: &str) -> Value {
    task_definitions().remove(name).unwrap_or_else(|| panic!("there is no ecs/taskdefs/{name}.json"))
}

/// What serves, by name of the task definition: its only container.
pub fn served() -> BTreeMap<String, Value> {
    let served = task_definitions().into_iter().filter(|(name, _)| name != MIGRATE);
    served
        .map(|(name, definition)| {
            let [container] = items(&definition, "containerDefinitions") else {
                panic!("{name} has more than one container")
            };
            (name, container.clone())
        })
        .collect()
}

/// The binary that a container starts.
pub fn program(container: &Value) -> &str {
    let entry_point = container["entryPoint"][0].as_str().or(container["entrypoint"][0].as_str()).unwrap();
    entry_point.strip_prefix("/usr/local/bin/").unwrap_or_else(|| panic!("{entry_point} is in no image of ours"))
}

/// What compose starts: the platform's file, then each product's own.
pub fn compose_files() -> Vec<String> {
    with_products("docker-compose.yml", "docker-compose.yml")
}

/// The settings of compose, in the order in which they come into .env.
pub fn compose_settings() -> Vec<String> {
    with_products("docker/env.example", "env.example")
}

/// The text of the platform's file, and of each product's that has one.
fn with_products(own: &str, products: &str) -> Vec<String> {
    let others = self::products().into_iter().map(|product| product.folder.join(products));
    iter::once(text(own)).chain(others.filter_map(|file| fs::read_to_string(file).ok())).collect()
}

/// The services of compose, with what their file merges and refers to in place.
pub fn compose() -> Value {
    let mut services = Map::new();
    for file in compose_files() {
        let mut file: Value = serde_saphyr::from_str(&file).unwrap();
        for (name, service) in mem::take(file["services"].as_object_mut().unwrap()) {
            assert!(services.insert(name.clone(), service).is_none(), "{name} is in two files of compose");
        }
    }
    json!({"services": services})
}

/// The elements of an array; none if it is absent.
pub fn items<'a>(parent: &'a Value, key: &str) -> &'a [Value] {
    parent[key].as_array().map_or(&[], Vec::as_slice)
}

/// The string members called `key` of the array `list`.
pub fn names<'a>(parent: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    items(parent, list).iter().filter_map(|item| item[key].as_str()).collect()
}

#[test]
fn every_service_has_a_task_definition_and_so_have_the_migrations() {
    let deployed = products().into_iter().filter(|product| product.folder.join("ecs").exists());
    let mut expected: Vec<_> = deployed.flat_map(|Product { name, .. }| [format!("{name}-worker"), name]).collect();
    expected.extend(SERVICES.into_iter().chain([MIGRATE]).map(String::from));
    expected.sort_unstable();
    assert_eq!(task_definitions().into_keys().collect::<Vec<_>>(), expected);
}
