//! The order of a job on an instance, checked as a whole before a file or a database is touched: which instance, which
//! bundle?

use crate::{handlers::Fault, jobs::model::Claimed};
use contracts::{id::InstanceId, jobs::BundlePart};

/// Longest name that is looked up on disk.
const LONGEST_NAME: usize = 64;

/// The instance that the job is about.
pub(crate) fn instance(job: &Claimed) -> Result<InstanceId, Fault> {
    job.instance_id.map(InstanceId).ok_or_else(|| Fault::permanent("the job names no instance"))
}

/// Refuses names that could lead out of the folder of bundles.
pub(crate) fn check(bundle: &BundlePart) -> Result<(), Fault> {
    let mut names = [&bundle.service, &bundle.bundle_version].into_iter().chain(&bundle.modules);
    match names.find(|name| !is_plain(name)) {
        Some(name) => Err(Fault::permanent(format!("{name:?} is not a plain name"))),
        None => Ok(()),
    }
}

/// A name that stays inside its folder: lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or a
/// digit.
fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    begins
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(bundle: Value) -> Result<(), Fault> {
        check(&serde_json::from_value(bundle).unwrap())
    }

    #[test]
    fn names_cannot_leave_the_folder_of_bundles() {
        let sound = json!({"service": "forum", "bundle_version": "1.0.0", "modules": ["polls"]});
        read(sound.clone()).unwrap();
        for name in ["", ".", "..", "../etc", "a/b", "/etc", "a\\b", "A", "a b", "%2e%2e", "a\n", &"x".repeat(65)] {
            for place in ["/service", "/bundle_version", "/modules/0"] {
                let mut bundle = sound.clone();
                *bundle.pointer_mut(place).unwrap() = json!(name);
                assert!(matches!(read(bundle), Err(Fault::Permanent(_))), "{name:?} at {place}");
            }
        }
    }
}
