//! Operations, as the committed OpenAPI documents say: who may call them, and what do they take?

use anyhow::{Context, Result, bail};
use local_stack::data;
use reqwest::Method;
use serde_json::Value;
use std::{fs, path::Path, sync::Arc};

/// The product that the tour is about.
pub const PRODUCT: &str = "forum";

/// The document that joins the others.
const JOINED: &str = "platform";

/// Whom an operation lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Users of the platform, some only with a permission.
    Bearer,
    /// The platform's own services.
    PlatformClient,
    /// A product's own people.
    Member,
    Public,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub service: String,
    pub id: String,
    pub method: Method,
    /// With its parameters in braces.
    pub path: String,
    pub door: Door,
    pub query: Vec<String>,
    pub headers: Vec<String>,
    pub body: Option<Body>,
}

#[derive(Clone, Debug)]
pub struct Body {
    pub form: bool,
    pub schema: Value,
    /// What `$ref` leads to.
    pub schemas: Arc<Value>,
}

/// A parameter of a path, and the word before it, which says what it names.
pub struct Parameter<'a> {
    pub name: &'a str,
    pub container: &'a str,
}

/// Every operation of the platform and of the tour's product, by service.
pub fn read_all() -> Result<Vec<Operation>> {
    let folder = data::checkout().join("openapi");
    let files = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<_> = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|end| end == "json") && file.file_stem() != Some(JOINED.as_ref()))
        .collect();
    files.push(data::checkout().join(format!("examples/{PRODUCT}/openapi/{PRODUCT}.json")));
    files.sort();
    let mut operations = Vec::new();
    for file in files {
        operations.extend(read(&file).with_context(|| file.display().to_string())?);
    }
    Ok(operations)
}

fn read(file: &Path) -> Result<Vec<Operation>> {
    let document: Value = serde_json::from_slice(&fs::read(file)?)?;
    let service = file.file_stem().and_then(|name| name.to_str()).context("a document has a name")?;
    let schemas = Arc::new(document["components"]["schemas"].clone());
    let paths = document["paths"].as_object().context("a document has paths")?;
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, definition)| (path, method, definition))
    });
    each.map(|(path, method, definition)| operation(service, path, method, definition, &schemas)).collect()
}

fn operation(service: &str, path: &str, method: &str, definition: &Value, schemas: &Arc<Value>) -> Result<Operation> {
    let parameters = |place: &str| -> Vec<String> {
        let all =
            definition["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == place);
        all.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect()
    };
    let content = definition["requestBody"]["content"].as_object();
    let body = content
        .and_then(|content| content.iter().find(|(kind, _)| *kind == "application/json").or(content.iter().next()));
    Ok(Operation {
        service: service.to_owned(),
        id: definition["operationId"].as_str().context("an operation has an id")?.to_owned(),
        method: method.to_uppercase().parse()?,
        path: path.to_owned(),
        door: door(&definition["security"]).with_context(|| format!("{method} {path}"))?,
        query: parameters("query"),
        headers: parameters("header"),
        body: body.map(|(kind, content)| Body {
            form: kind != "application/json",
            schema: content["schema"].clone(),
            schemas: Arc::clone(schemas),
        }),
    })
}

fn door(security: &Value) -> Result<Door> {
    let schemes: Vec<_> = security
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|scheme| scheme.keys())
        .collect();
    Ok(match schemes.as_slice() {
        [] => Door::Public,
        [scheme] if *scheme == "bearer" => Door::Bearer,
        [scheme] if *scheme == "platform_client" => Door::PlatformClient,
        [scheme] if *scheme == "member" => Door::Member,
        others => bail!("nobody knows whom {others:?} let in"),
    })
}

impl Operation {
    pub fn parameters(&self) -> Vec<Parameter<'_>> {
        let segments: Vec<_> = self.path.split('/').collect();
        let named = segments
            .iter()
            .enumerate()
            .filter_map(|(at, segment)| Some((at, segment.strip_prefix('{')?.strip_suffix('}')?)));
        named.map(|(at, name)| Parameter { name, container: word(segments[..at].iter().copied()) }).collect()
    }

    /// What the things are that it answers with: the last word of its path.
    pub fn container(&self) -> &str {
        word(self.path.split('/'))
    }
}

/// The last segment that is no parameter.
fn word<'a>(segments: impl DoubleEndedIterator<Item = &'a str>) -> &'a str {
    segments.rev().find(|segment| !segment.starts_with('{')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_of_the_checkout_can_be_read() {
        let operations = read_all().unwrap();
        let find = |id: &str| operations.iter().find(|operation| operation.id == id).unwrap();
        let add = find("addGroupMember");
        let named: Vec<_> = add
            .parameters()
            .iter()
            .map(|parameter| (parameter.name.to_owned(), parameter.container.to_owned()))
            .collect();
        assert_eq!(named, [("id".to_owned(), "groups".to_owned()), ("principal".to_owned(), "members".to_owned())]);
        assert_eq!(
            (add.door, find("fillRecord").door, find("logIn").door, find("vote").door),
            (Door::Bearer, Door::PlatformClient, Door::Public, Door::Member)
        );
        assert_eq!((find("getRole").container(), find("listJobs").query.len()), ("roles", 9));
    }
}
