//! `openapi/platform.json`: the documents of all services as one.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A document, the service whose it is, and where that listens on a developer's machine.
pub struct Part {
    pub service: String,
    pub port: u16,
    pub document: Value,
}

/// A reference into the components: `#/components/schemas/Member`.
type Reference = String;

/// Joins documents. What has the same name and content in several is there once; where one name means several things,
/// each gets the name of its service before it. Each path says where its service is.
pub fn join(parts: Vec<Part>) -> Result<Value> {
    let ambiguous = ambiguous(&parts);
    let mut joined = json!({"openapi": "3.1.0", "info": {}, "servers": [], "paths": {}, "components": {}, "tags": []});
    joined["info"] = parts.first().context("there are no documents")?.document["info"].clone();
    joined["info"]["title"] = "Sevenleague".into();
    joined["info"]["description"] =
        "Every operation of the platform's services. Each path says where its service is on a developer's machine."
            .into();
    joined["servers"] = json!([server(&parts[0])]);
    for mut part in parts {
        rename(&mut part.document, &|reference| named(reference, &part.service, &ambiguous));
        take_components(&mut joined, &part, &ambiguous);
        take_tags(&mut joined, &part);
        take_paths(&mut joined, &mut part)?;
    }
    Ok(joined)
}

/// References that lead to different things in different documents, be it behind further references.
fn ambiguous(parts: &[Part]) -> BTreeSet<Reference> {
    let mut meanings: BTreeMap<Reference, Vec<&Value>> = BTreeMap::new();
    for part in parts {
        for (section, name, value) in components(&part.document) {
            meanings.entry(format!("#/components/{section}/{name}")).or_default().push(value);
        }
    }
    let differ = |values: &[&Value]| values.iter().any(|value| *value != values[0]);
    let mut ambiguous: BTreeSet<_> =
        meanings.iter().filter(|(_, values)| differ(values)).map(|(reference, _)| reference.clone()).collect();
    loop {
        let leads_astray =
            |values: &[&Value]| values.len() > 1 && references(values[0]).any(|to| ambiguous.contains(to));
        let more: Vec<_> = meanings
            .iter()
            .filter(|(reference, values)| !ambiguous.contains(*reference) && leads_astray(values))
            .map(|(reference, _)| reference.clone())
            .collect();
        if more.is_empty() {
            return ambiguous;
        }
        ambiguous.extend(more);
    }
}

/// Section, name and content of each component.
fn components(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let sections = document["components"].as_object().into_iter().flatten();
    sections.flat_map(|(section, named)| {
        named.as_object().into_iter().flatten().map(move |(name, value)| (section, name, value))
    })
}

fn references(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str);
            Box::new(own.into_iter().chain(object.values().flat_map(references)))
        }
        Value::Array(values) => Box::new(values.iter().flat_map(references)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The reference as it is in the joined document.
fn named(reference: &str, service: &str, ambiguous: &BTreeSet<Reference>) -> Reference {
    match reference.rsplit_once('/') {
        Some((section, name)) if ambiguous.contains(reference) => format!("{section}/{}{name}", capitalized(service)),
        _ => reference.to_owned(),
    }
}

fn capitalized(service: &str) -> String {
    let mut letters = service.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn rename(value: &mut Value, named: &impl Fn(&str) -> Reference) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref") {
                *reference = named(reference);
            }
            object.values_mut().for_each(|value| rename(value, named));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, named)),
        _ => {}
    }
}

fn take_components(joined: &mut Value, part: &Part, ambiguous: &BTreeSet<Reference>) {
    for (section, name, value) in components(&part.document) {
        let reference = named(&format!("#/components/{section}/{name}"), &part.service, ambiguous);
        let name = reference.rsplit('/').next().unwrap_or(name);
        joined["components"][section][name] = value.clone();
    }
}

fn server(part: &Part) -> Value {
    json!({"url": format!("http://localhost:{}", part.port), "description": part.service})
}

/// A tag of the joined document: several services have members.
fn tag(service: &str, tag: &Value) -> Value {
    format!("{service}: {}", tag.as_str().unwrap_or_default()).into()
}

fn take_tags(joined: &mut Value, part: &Part) {
    let own = part.document["tags"].as_array().into_iter().flatten();
    let named = own.map(|own| json!({"name": tag(&part.service, &own["name"])}));
    joined["tags"].as_array_mut().into_iter().for_each(|tags| tags.extend(named.clone()));
}

fn take_paths(joined: &mut Value, part: &mut Part) -> Result<()> {
    let server = server(part);
    let paths = part.document["paths"].as_object_mut().map(std::mem::take).unwrap_or_default();
    for (path, mut item) in paths {
        ensure!(joined["paths"].get(&path).is_none(), "{path} is of {} and of another service", part.service);
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let tags = operation["tags"].as_array_mut().into_iter().flatten();
            tags.for_each(|own| *own = tag(&part.service, own));
            operation["x-service"] = part.service.clone().into();
        }
        item["servers"] = json!([server]);
        joined["paths"][path] = item;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(service: &str, port: u16, path: &str, member: &Value) -> Part {
        let page = json!({"items": {"$ref": "#/components/schemas/Member"}});
        let schemas = json!({"Member": member, "Page": page, "Problem": {"type": "object"}});
        let answer = json!({"$ref": "#/components/schemas/Page"});
        let operation = json!({"tags": ["members"], "operationId": service, "responses": {"200": answer}});
        let document = json!({"info": {"version": "1"}, "tags": [{"name": "members"}],
            "paths": {path: {"get": operation}}, "components": {"schemas": schemas}});
        Part { service: service.into(), port, document }
    }

    #[test]
    fn one_name_for_two_things_gets_the_names_of_their_services() {
        let (person, principal) = (json!({"type": "object"}), json!({"type": "string"}));
        let joined = join(vec![part("auth", 1, "/a", &person), part("permission", 2, "/p", &principal)]).unwrap();
        let schemas = &joined["components"]["schemas"];
        let names: Vec<_> = schemas.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["AuthMember", "AuthPage", "PermissionMember", "PermissionPage", "Problem"]);
        assert_eq!(schemas["PermissionPage"]["items"]["$ref"], "#/components/schemas/PermissionMember");
        let operation = &joined["paths"]["/p"]["get"];
        assert_eq!(operation["responses"]["200"]["$ref"], "#/components/schemas/PermissionPage");
        assert_eq!(operation["tags"], json!(["permission: members"]));
        assert_eq!(joined["paths"]["/p"]["servers"][0]["url"], "http://localhost:2");
    }

    #[test]
    fn what_is_equal_is_there_once_and_a_path_of_two_services_is_refused() {
        let person = json!({"type": "object"});
        let joined = join(vec![part("auth", 1, "/a", &person), part("billing", 2, "/b", &person)]).unwrap();
        assert_eq!(joined["components"]["schemas"].as_object().unwrap().len(), 3);
        let fault = join(vec![part("auth", 1, "/a", &person), part("billing", 2, "/a", &person)]).unwrap_err();
        assert_eq!(fault.to_string(), "/a is of billing and of another service");
    }
}
