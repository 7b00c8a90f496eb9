//! Which instance, which bundle, which modules? A payload is checked as a whole before a file or a database is touched.

use crate::{handlers::Fault, jobs::queue::Claimed};
use contracts::{id::InstanceId, jobs::InstancePayload};

/// Longest name that is looked up on disk.
const LONGEST_NAME: usize = 64;

/// A payload of which every name is a plain name.
#[derive(Debug)]
pub(super) struct Order {
    pub instance: InstanceId,
    pub payload: InstancePayload,
}

impl Order {
    pub fn read(job: &Claimed) -> Result<Self, Fault> {
        let instance = job.instance_id.map(InstanceId).ok_or_else(|| Fault::permanent("the job names no instance"))?;
        let payload: InstancePayload = serde_json::from_value(job.payload.clone())
            .map_err(|fault| Fault::permanent(format!("the payload does not fit: {fault}")))?;
        for name in [&payload.service, &payload.bundle_version].into_iter().chain(&payload.modules) {
            if !is_plain(name) {
                return Err(Fault::permanent(format!("{name:?} is not a plain name")));
            }
        }
        Ok(Self { instance, payload })
    }
}

/// A name that stays inside its folder: lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or a digit.
fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    begins
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::id::JobId;
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn read(payload: Value) -> Result<Order, Fault> {
        let job = Claimed {
            id: JobId(Uuid::nil()),
            lease: Uuid::nil(),
            kind: "instance.migrate".into(),
            version: 1,
            tenant_id: None,
            instance_id: Some(Uuid::nil()),
            payload,
            attempts: 1,
            takeovers: 0,
            outages: 0,
            run: 1,
        };
        Order::read(&job)
    }

    #[test]
    fn names_cannot_leave_the_folder_of_bundles() {
        let sound = json!({"service": "forum", "bundle_version": "1.0.0", "modules": ["polls"], "settings": {}});
        assert_eq!(read(sound.clone()).unwrap().payload.modules, ["polls"]);
        for name in ["", ".", "..", "../etc", "a/b", "/etc", "a\\b", "A", "a b", "%2e%2e", "a\n", &"x".repeat(65)] {
            for place in ["/service", "/bundle_version", "/modules/0"] {
                let mut payload = sound.clone();
                *payload.pointer_mut(place).unwrap() = json!(name);
                assert!(matches!(read(payload), Err(Fault::Permanent(_))), "{name:?} at {place}");
            }
        }
    }

    #[test]
    fn a_payload_of_another_shape_is_refused() {
        for payload in
            [json!(null), json!({}), json!({"service": "forum", "bundle_version": 1, "modules": [], "settings": {}})]
        {
            assert!(matches!(read(payload), Err(Fault::Permanent(_))));
        }
    }
}
