//! What is wrong with a manifest?

use super::{Disorder, Manifest, Meter, permissions};
use serde_json::Value;
use std::collections::BTreeSet;

impl Manifest {
    /// What is wrong with the manifest, one sentence a fault; empty if nothing is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = permissions::faults(&self.service, &self.permissions);
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
    use crate::manifest::{Command, tests::FORUM};
    use std::collections::BTreeMap;

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
}
