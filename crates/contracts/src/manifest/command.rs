//! Commands: the programs of a bundle that jobs may run, and the limits that each has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds that a command may take at most: six hours.
pub const LONGEST_COMMAND: u32 = 6 * 3600;
/// Memory that a command may have at most, in MiB; no worker has more.
const MOST_MEMORY_MIB: u32 = 16 * 1024;
/// Arguments of a command, and variables of its environment.
const MOST_ARGUMENTS: usize = 100;

/// A program of the bundle that a job may run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Command {
    /// What jobs call it: lower-case letters, digits and `-`.
    pub name: String,
    /// Path within the bundle, `bin/extract`, or the name of a program beside the worker's own, such as the product's.
    pub program: String,
    /// Passed as they are.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Added to its environment, which has nothing else but `PATH`, `LANG`, `HOME` and `TMPDIR`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// It is ended after so many seconds, 1 to 21,600.
    pub seconds: u32,
    /// It is ended when it and what it has started use more memory, in MiB: 1 to 16,384.
    pub memory_mib: u32,
    /// A function in the instance's database, `schema.function`, that is called with the job's id and the JSON that the
    /// program has written; absent for a program whose output is only kept with its job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// A function there, `schema.function`, that is called with the job's id and the reason when a job of the command
    /// ends without success: it has failed, took too long, or was cancelled. A job that is run again after that may
    /// still succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Command {
    /// What is wrong with it, one sentence a fault.
    pub(super) fn faults(&self) -> Vec<&'static str> {
        let within = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
        let variable = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
        let mut faults = Vec::new();
        if !self.program.split('/').all(within) {
            faults.push("program must be a path within the bundle, such as bin/extract");
        }
        if self.arguments.len() > MOST_ARGUMENTS || self.arguments.iter().any(|argument| argument.contains('\0')) {
            faults.push("arguments must be at most 100, without NUL");
        }
        if self.env.len() > MOST_ARGUMENTS
            || !self.env.iter().all(|(name, value)| variable(name) && !value.contains('\0'))
        {
            faults.push("env must be at most 100 variables, without NUL");
        }
        if !(1..=LONGEST_COMMAND).contains(&self.seconds) {
            faults.push("seconds must be 1 to 21600");
        }
        if !(1..=MOST_MEMORY_MIB).contains(&self.memory_mib) {
            faults.push("memory_mib must be 1 to 16384");
        }
        if self.result.as_deref().is_some_and(|function| !is_function(function)) {
            faults.push("result must be schema.function, in lower-case letters, digits and '_'");
        }
        if self.failure.as_deref().is_some_and(|function| !is_function(function)) {
            faults.push("failure must be schema.function, in lower-case letters, digits and '_'");
        }
        faults
    }
}

/// `schema.function` as they can stand between double quotes.
fn is_function(name: &str) -> bool {
    let plain = |part: &str| {
        let begins = part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        begins && part.len() <= 63 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    name.split_once('.').is_some_and(|(schema, function)| plain(schema) && plain(function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_within_its_bundle_and_its_limits() {
        let sound = Command {
            name: "extract".into(),
            program: "bin/extract".into(),
            arguments: vec!["--text".into()],
            env: BTreeMap::from([("MODE".into(), "fast".into())]),
            seconds: 60,
            memory_mib: 256,
            result: Some("pdf.take_pages".into()),
            failure: Some("pdf.take_failure".into()),
        };
        assert_eq!(sound.faults(), [""; 0]);
        for program in ["", "/bin/sh", "../sh", "bin/../../sh", "bin//sh", "./sh", "a\0b"] {
            assert_eq!(Command { program: program.into(), ..sound.clone() }.faults().len(), 1, "{program:?}");
        }
        for result in ["take", "a.b.c", "A.b", "a.\"b", ".b", "a."] {
            assert_eq!(Command { result: Some(result.into()), ..sound.clone() }.faults().len(), 1, "{result}");
            assert_eq!(Command { failure: Some(result.into()), ..sound.clone() }.faults().len(), 1, "{result}");
        }
        let limits = Command { seconds: 0, memory_mib: 16_385, arguments: vec!["\0".into()], ..sound.clone() };
        assert_eq!(limits.faults().len(), 3);
        let variables = Command { env: BTreeMap::from([("A=B".into(), String::new())]), ..sound.clone() };
        assert_eq!(variables.faults().len(), 1);
    }
}
