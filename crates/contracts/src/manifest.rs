//! The manifest of a product, `manifest.toml`, the first file of its bundle: what does it declare about itself?

mod command;
mod faults;
mod permissions;

pub use command::{Command, LONGEST_COMMAND};
pub use permissions::{PermissionEntry, PermissionList, Scope};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

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
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const FORUM: &str = r#"
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
