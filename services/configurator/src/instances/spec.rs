//! Specification of a new instance. Can the service be enabled so? Everything that is wrong with it is told at once.

use super::host_name::{HostName, NotAHostName};
use crate::domains::policy::{Domains, Standing};
use common::problem::FieldError;
use contracts::manifest::Manifest;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// More than any service has.
const MOST_MODULES: usize = 100;

/// What a tenant asks for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewInstance {
    #[schema(example = "forum")]
    pub service: String,
    /// One label below a product domain of the platform, or a host of the tenant's own, which it then proves. Case does
    /// not matter.
    #[schema(example = "acme.forum.localhost")]
    pub host: String,
    /// Optional parts of the service. A module that another one depends on must be named too.
    #[serde(default)]
    #[schema(example = json!(["polls"]))]
    pub modules: Vec<String>,
}

/// What was asked for, checked: it can be made so.
#[derive(Debug)]
pub struct InstanceSpec<'a> {
    pub manifest: &'a Manifest,
    pub host: HostName,
    pub standing: Standing,
    /// Each after those it depends on.
    pub modules: Vec<String>,
}

impl<'a> InstanceSpec<'a> {
    /// Checks `asked` against the latest version of the service that it names, `None` if there is no such service.
    pub fn check(
        asked: &NewInstance,
        manifest: Option<&'a Manifest>,
        domains: &Domains,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let host = host_of(asked, domains).map_err(|error| errors.push(error)).ok();
        match manifest {
            Some(manifest) => errors.extend(module_errors(manifest, &asked.modules)),
            None => errors.push(FieldError::new("service", "unknown", "no such service is published")),
        }
        let modules = manifest.map(|manifest| manifest.modules_in_order(&asked.modules));
        match (host, manifest, modules) {
            (Some((host, standing)), Some(manifest), Some(Ok(modules))) if errors.is_empty() => {
                Ok(Self { manifest, host, standing, modules })
            }
            _ => Err(errors),
        }
    }
}

fn host_of(asked: &NewInstance, domains: &Domains) -> Result<(HostName, Standing), FieldError> {
    let host: HostName =
        asked.host.parse().map_err(|fault: NotAHostName| FieldError::new("host", "malformed", fault.to_string()))?;
    let standing =
        domains.standing(&host).map_err(|refused| FieldError::new("host", "reserved", refused.to_string()))?;
    Ok((host, standing))
}

fn module_errors(manifest: &Manifest, asked: &[String]) -> Vec<FieldError> {
    if asked.len() > MOST_MODULES {
        return vec![FieldError::new("modules", "too_many", format!("at most {MOST_MODULES}"))];
    }
    let chosen: BTreeSet<&String> = asked.iter().collect();
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for (index, name) in asked.iter().enumerate() {
        let field = format!("modules[{index}]");
        let Some(module) = manifest.module(name) else {
            errors.push(FieldError::new(field, "unknown", format!("{} has no such module", manifest.service)));
            continue;
        };
        if !seen.insert(name) {
            errors.push(FieldError::new(field.as_str(), "repeated", "is named before"));
        }
        let missing = module.depends_on.iter().filter(|needed| !chosen.contains(needed));
        errors.extend(
            missing.map(|needed| {
                FieldError::new(field.as_str(), "dependency_missing", format!("needs the module {needed}"))
            }),
        );
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest() -> Manifest {
        let module = |name: &str, depends_on: &[&str]| {
            json!({"name": name, "title": name, "depends_on": depends_on,
                "price_per_hour": "0.01"})
        };
        let modules = [
            module("charts", &["polls"]),
            module("polls", &[]),
            module("export", &["charts", "polls"]),
            module("tags", &[]),
        ];
        serde_json::from_value(json!({
            "service": "forum", "version": "1.0.0", "title": "Forum", "currency": "EUR", "price_per_hour": "0.02",
            "modules": modules, "setup": {"type": "object"},
        }))
        .unwrap()
    }

    fn asked(host: &str, modules: &[&str]) -> NewInstance {
        NewInstance {
            service: "forum".into(),
            host: host.into(),
            modules: modules.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn domains() -> Domains {
        Domains::parse("forum.localhost", "example.com").unwrap()
    }

    fn faults(asked: &NewInstance, manifest: Option<&Manifest>) -> Vec<(String, String)> {
        InstanceSpec::check(asked, manifest, &domains())
            .unwrap_err()
            .into_iter()
            .map(|error| (error.field, error.code))
            .collect()
    }

    #[test]
    fn modules_come_after_those_they_depend_on() {
        let manifest = manifest();
        let asked = asked("A.b", &["tags", "export", "charts", "polls"]);
        let spec = InstanceSpec::check(&asked, Some(&manifest), &domains()).unwrap();
        assert_eq!((spec.host.as_str(), spec.modules.join(" ").as_str()), ("a.b", "polls tags charts export"));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let manifest = manifest();
        let expected = [
            ("host", "malformed"),
            ("modules[0]", "unknown"),
            ("modules[1]", "dependency_missing"),
            ("modules[3]", "repeated"),
        ];
        let expected: Vec<_> = expected.map(|(field, code)| (field.to_owned(), code.to_owned())).into();
        assert_eq!(faults(&asked("a:80", &["ghost", "charts", "tags", "tags"]), Some(&manifest)), expected);
        assert_eq!(
            faults(&asked("auth.example.com", &[]), Some(&manifest)),
            [("host".to_owned(), "reserved".to_owned())]
        );
        assert_eq!(faults(&asked("a.b", &[]), None), [("service".to_owned(), "unknown".to_owned())]);
        assert_eq!(
            faults(&asked("a.b", &["tags"; MOST_MODULES + 1]), Some(&manifest)),
            [("modules".to_owned(), "too_many".to_owned())]
        );
    }
}
