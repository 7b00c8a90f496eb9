//! The manifest of a product, `manifest.toml`, the first file of its bundle: what does it declare about itself?

mod command;

pub use command::{Command, LONGEST_COMMAND};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One version of a product service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Manifest {
    /// Name and permission namespace: lower-case letters, digits and `-`.
    pub service: String,
    /// `1.0.0`; also the folder of the bundle.
    pub version: String,
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// ISO 4217 code of every price below.
    pub currency: String,
    /// Price of an hour of one instance, prorated by the second.
    #[cfg_attr(feature = "openapi", schema(format = "decimal"))]
    pub price_per_hour: Decimal,
    #[serde(default)]
    pub permissions: Vec<PermissionEntry>,
    #[serde(default)]
    pub modules: Vec<Module>,
    #[serde(default)]
    pub meters: Vec<Meter>,
    /// Programs of the bundle that jobs may run; no other is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// JSON Schema (2020-12) of the setup form; flat properties of type string, integer or boolean.
    pub setup: Value,
}

/// An optional part that a tenant opts in to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Module {
    pub name: String,
    pub title: String,
    #[serde(default)]
    pub depends_on: Vec<String>,
    #[cfg_attr(feature = "openapi", schema(format = "decimal"))]
    pub price_per_hour: Decimal,
}

/// Something counted for billing: one unit for each row inserted in `table`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Meter {
    pub name: String,
    /// What one unit is called: `post`.
    pub unit: String,
    /// Table in the instance's own database, with a primary key `id`.
    pub table: String,
    #[cfg_attr(feature = "openapi", schema(format = "decimal"))]
    pub price_per_unit: Decimal,
}

/// One permission of a service's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionEntry {
    /// `forum.deletePosts`: namespace, dot, action.
    pub name: String,
    pub text: String,
    /// Not covered by wildcards: it must be granted by name.
    #[serde(default)]
    pub dangerous: bool,
    #[serde(default)]
    pub scope: Scope,
    /// Built-in roles that hold it besides `owner`: `member`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// On its way out: still granted and held, but a later list may leave it out although somebody has it.
    #[serde(default)]
    pub deprecated: bool,
}

/// Where a permission means something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Over the caller's own tenant.
    #[default]
    Tenant,
    /// Over all tenants: only operators, in the platform's own tenant.
    Platform,
}

/// The list of permissions of one namespace, as a platform service ships it (`services/<name>/permissions.toml`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PermissionList {
    pub namespace: String,
    pub permissions: Vec<PermissionEntry>,
}

impl PermissionList {
    /// Reads the `permissions.toml` of a platform service.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// What is wrong with the list, one sentence a fault; empty if nothing is.
    pub fn faults(&self) -> Vec<String> {
        permission_faults(&self.namespace, &self.permissions)
    }
}

/// Why modules cannot be put in order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    #[error("{service} has no module '{module}'")]
    Unknown { service: String, module: String },
    #[error("module '{module}' depends on '{needed}', which the instance does not have")]
    Missing { module: String, needed: String },
    #[error("module '{0}' depends on itself, or on modules that do")]
    Circle(String),
}

impl Manifest {
    /// Reads a bundle's `manifest.toml`.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }

    /// The modules named, each after those that it depends on, else as the manifest lists them.
    pub fn modules_in_order(&self, wanted: &[String]) -> Result<Vec<String>, Disorder> {
        for name in wanted {
            let unknown = || Disorder::Unknown { service: self.service.clone(), module: name.clone() };
            let needs = &self.module(name).ok_or_else(unknown)?.depends_on;
            if let Some(needed) = needs.iter().find(|needed| !wanted.contains(needed)) {
                return Err(Disorder::Missing { module: name.clone(), needed: needed.clone() });
            }
        }
        let mut ordered: Vec<String> = Vec::new();
        let mut left: Vec<_> = self.modules.iter().filter(|module| wanted.contains(&module.name)).collect();
        while let Some(first) = left.first().map(|module| module.name.clone()) {
            let (ready, waiting): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|module| module.depends_on.iter().all(|needed| ordered.contains(needed)));
            if ready.is_empty() {
                return Err(Disorder::Circle(first));
            }
            ordered.extend(ready.into_iter().map(|module| module.name.clone()));
            left = waiting;
        }
        Ok(ordered)
    }

    /// `forum` and `forum.<module>` with the price of an hour of each.
    pub fn features(&self) -> BTreeMap<String, Decimal> {
        let modules =
            self.modules.iter().map(|module| (format!("{}.{}", self.service, module.name), module.price_per_hour));
        std::iter::once((self.service.clone(), self.price_per_hour)).chain(modules).collect()
    }

    /// What is wrong with the manifest, one sentence a fault; empty if nothing is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = permission_faults(&self.service, &self.permissions);
        if !is_name(&self.service) {
            faults.push(format!("service '{}' must be lower-case letters, digits and '-'", self.service));
        }
        if !is_version(&self.version) {
            faults.push(format!("version '{}' must look like 1.0.0", self.version));
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            faults.push(format!("currency '{}' must be an ISO 4217 code", self.currency));
        }
        faults.extend(self.module_faults());
        faults.extend(self.meter_faults());
        faults.extend(self.command_faults());
        if self.setup.get("type").and_then(Value::as_str) != Some("object") {
            faults.push("setup must be a JSON Schema of type object".into());
        }
        faults
    }

    fn command_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for command in &self.commands {
            let name = &command.name;
            if !is_name(name) || !seen.insert(name) {
                faults.push(format!("command '{name}' must be named once, in lower-case letters, digits and '-'"));
            }
            faults.extend(command.faults().into_iter().map(|fault| format!("command '{name}': {fault}")));
        }
        faults
    }

    fn module_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for module in &self.modules {
            if !is_name(&module.name) || !seen.insert(&module.name) {
                faults.push(format!(
                    "module '{}' must be named once, in lower-case letters, digits and '-'",
                    module.name
                ));
            }
            for needed in module.depends_on.iter().filter(|needed| self.module(needed).is_none()) {
                faults.push(format!("module '{}' depends on '{needed}', which does not exist", module.name));
            }
            if module.price_per_hour.is_sign_negative() {
                faults.push(format!("module '{}' has a negative price", module.name));
            }
        }
        let all: Vec<_> = self.modules.iter().map(|module| module.name.clone()).collect();
        if let Err(circle @ Disorder::Circle(_)) = self.modules_in_order(&all) {
            faults.push(circle.to_string());
        }
        faults
    }

    fn meter_faults(&self) -> Vec<String> {
        let wrong = |meter: &&Meter| {
            !is_name(&meter.name) || !is_sql_name(&meter.table) || meter.price_per_unit.is_sign_negative()
        };
        self.meters
            .iter()
            .filter(wrong)
            .map(|meter| {
                format!("meter '{}' needs a plain name, a plain table name and a price of at least 0", meter.name)
            })
            .collect()
    }
}

fn permission_faults(namespace: &str, permissions: &[PermissionEntry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    permissions
        .iter()
        .filter(|entry| {
            let action = entry.name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('.'));
            !action.is_some_and(|action| !action.is_empty() && action.bytes().all(|b| b.is_ascii_alphanumeric()))
                || !seen.insert(&entry.name)
        })
        .map(|entry| format!("permission '{}' must be '{namespace}.<action>', once", entry.name))
        .collect()
}

/// Lower-case letters, digits and `-`, starting with a letter, at most 40.
fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_sql_name(name: &str) -> bool {
    is_name(&name.replace('_', "-"))
}

fn is_version(version: &str) -> bool {
    let parts: Vec<_> = version.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok_and(|number| number.to_string() == **part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORUM: &str = r#"
        service = "forum"
        version = "1.0.0"
        title = "Forum"
        currency = "EUR"
        price_per_hour = "0.02"
        [[permissions]]
        name = "forum.deletePosts"
        text = "Delete anybody's post"
        [[modules]]
        name = "polls"
        title = "Polls"
        price_per_hour = "0.01"
        [[meters]]
        name = "posts"
        unit = "post"
        table = "posts"
        price_per_unit = "0.001"
        [setup]
        type = "object"
    "#;

    #[test]
    fn a_sound_manifest_has_no_faults() {
        let manifest = Manifest::parse(FORUM).unwrap();
        assert_eq!(manifest.faults(), Vec::<String>::new());
        assert_eq!(manifest.features().keys().collect::<Vec<_>>(), ["forum", "forum.polls"]);
    }

    #[test]
    fn every_fault_is_told() {
        let mut manifest = Manifest::parse(FORUM).unwrap();
        manifest.service = "Forum".into();
        manifest.version = "1.0".into();
        manifest.currency = "euro".into();
        manifest.modules[0].depends_on = vec!["ghost".into()];
        manifest.meters[0].table = "posts; drop".into();
        manifest.setup = Value::Null;
        let command = Command {
            name: "report".into(),
            program: "/bin/sh".into(),
            arguments: Vec::new(),
            env: BTreeMap::new(),
            seconds: 1,
            memory_mib: 1,
            result: None,
            failure: None,
        };
        // Once for its program, and once for its name.
        manifest.commands = vec![command.clone(), Command { program: "bin/report".into(), ..command }];
        assert_eq!(manifest.faults().len(), 9, "{:?}", manifest.faults());
    }

    /// A manifest whose modules have these needs.
    fn with_modules(modules: &[(&str, &[&str])]) -> Manifest {
        let module = |(name, needs): &(&str, &[&str])| Module {
            name: (*name).into(),
            title: String::new(),
            depends_on: needs.iter().map(|needed| (*needed).to_owned()).collect(),
            price_per_hour: Decimal::ZERO,
        };
        Manifest { modules: modules.iter().map(module).collect(), ..Manifest::parse(FORUM).unwrap() }
    }

    fn order(manifest: &Manifest, wanted: &[&str]) -> Result<String, String> {
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        manifest.modules_in_order(&wanted).map(|ordered| ordered.join(" ")).map_err(|disorder| disorder.to_string())
    }

    #[test]
    fn modules_come_after_those_that_they_depend_on() {
        let manifest = with_modules(&[("b", &["c"]), ("a", &[]), ("c", &["a"]), ("d", &[])]);
        assert_eq!(order(&manifest, &["d", "b", "a", "c", "b"]).unwrap(), "a d c b");
        assert_eq!(order(&manifest, &[]).unwrap(), "");
    }

    #[test]
    fn modules_that_cannot_be_ordered_say_why() {
        let manifest = with_modules(&[("a", &["b"]), ("b", &["a"]), ("c", &["a"])]);
        assert_eq!(order(&manifest, &["x"]).unwrap_err(), "forum has no module 'x'");
        let missing = order(&manifest, &["c"]).unwrap_err();
        assert_eq!(missing, "module 'c' depends on 'a', which the instance does not have");
        let circle = "module 'a' depends on itself, or on modules that do";
        assert_eq!(order(&manifest, &["a", "b"]).unwrap_err(), circle);
        assert_eq!(manifest.faults(), [circle]);
        assert_eq!(with_modules(&[("a", &["a"])]).faults(), [circle]);
    }
}
