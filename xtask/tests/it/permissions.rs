//! Whether documents and lists speak of the same permissions. That the code demands what the document says is tried by
//! each service's own tests.

use crate::files::{SERVICES, checkout, folder, products, text};
use contracts::manifest::{Manifest, PermissionList, Scope};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every permission that an operation of the document demands.
fn demanded(document: &Value) -> BTreeSet<String> {
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let schemes =
        operations.flat_map(|operation| operation["security"].as_array().expect("each operation says who may call it"));
    let scopes = schemes.filter_map(|scheme| scheme["bearer"].as_array()).flatten();
    scopes.map(|scope| scope.as_str().unwrap().to_owned()).collect()
}

/// Namespace and permissions of a platform service, or of a product's newest bundle.
fn listed(service: &str) -> (String, BTreeSet<String>) {
    let names = |permissions: Vec<contracts::manifest::PermissionEntry>| {
        permissions.into_iter().map(|entry| entry.name).collect()
    };
    let own = format!("services/{service}/permissions.toml");
    if checkout().join(&own).exists() {
        let list = PermissionList::parse(&text(&own)).unwrap();
        assert!(list.faults().is_empty(), "{own}: {:?}", list.faults());
        return (list.namespace, names(list.permissions));
    }
    let product = products().into_iter().find(|product| product.name == service).unwrap();
    let manifest = product.newest_bundle().unwrap().join("manifest.toml");
    let manifest = Manifest::parse(&std::fs::read_to_string(manifest).unwrap()).unwrap();
    (manifest.service, names(manifest.permissions))
}

#[test]
fn what_the_routes_demand_is_what_the_lists_have() {
    let mut documents = folder("openapi");
    // That of all of them.
    assert!(documents.remove("platform").is_some());
    assert_eq!(documents.len(), SERVICES.len());
    documents.extend(products().into_iter().flat_map(|product| folder(product.folder.join("openapi"))));
    for (service, document) in documents {
        let (namespace, listed) = listed(&service);
        assert_eq!(namespace, service);
        assert_eq!(
            &demanded(&document) | &asked_besides(&service),
            listed,
            "{service}: on the left what its operations demand or ask besides, on the right what its list has"
        );
    }
}

/// What some operations ask besides the permission that they demand, as it decides how much they show: `Also<P>`.
fn asked_besides(service: &str) -> BTreeSet<String> {
    let folder = checkout().join("services").join(service).join("src");
    let code = if folder.exists() { sources(&folder) } else { String::new() };
    let is_asked = |name: &str| code.contains(&format!("Also<{name}>"));
    entries(&code).filter(|(name, _)| is_asked(name)).map(|(_, permission)| quoted(&permission)).collect()
}

/// Name and scope of each permission that a service's code declares: `ReadCycles = platform "billing.readCycles"`.
fn declared(service: &str) -> BTreeSet<(String, bool)> {
    let code = sources(&checkout().join("services").join(service).join("src"));
    entries(&code).map(|(_, permission)| (quoted(&permission), permission.starts_with("platform "))).collect()
}

/// The names of types and what stands after the `=`, in each `permissions!`.
fn entries(code: &str) -> impl Iterator<Item = (String, String)> {
    let lists = code.split("permissions! {").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    lists
        .flat_map(|list| list.split(',').filter_map(|entry| entry.split_once('=')))
        .map(|(name, permission)| (name.trim().trim_start_matches("pub ").to_owned(), permission.trim().to_owned()))
}

fn quoted(text: &str) -> String {
    text.split('"').nth(1).unwrap().to_owned()
}

fn sources(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { std::fs::read_to_string(&path).unwrap_or_default() })
        .collect()
}

#[test]
fn the_code_gives_each_permission_the_scope_that_its_list_says() {
    for service in SERVICES {
        let list = PermissionList::parse(&text(&format!("services/{service}/permissions.toml"))).unwrap();
        let listed: BTreeSet<_> =
            list.permissions.into_iter().map(|entry| (entry.name, entry.scope == Scope::Platform)).collect();
        assert_eq!(declared(service), listed, "{service}: on the left the code, on the right the list");
    }
}
