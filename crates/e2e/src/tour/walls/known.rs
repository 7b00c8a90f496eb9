//! What is known of a tenant. Does an answer tell any of it to somebody else?

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Members of answers that are no tenant's own: prices are the product's, whoever pays them, and a worker works for
/// all.
const EVERYBODYS: [&str; 4] = ["rate", "rate_id", "worker", "log"];
/// Things whose name their tenant has chosen.
const NAMED_BY_TENANTS: [&str; 5] = ["tenants", "users", "members", "roles", "groups"];
/// Shorter texts of a form could be anybody's.
const SHORTEST_SETTING: usize = 8;
const UUID: usize = 36;

/// Ids and names of one tenant, by what they name, and which of them nobody else may see.
#[derive(Clone, Debug, Default)]
pub struct Known {
    values: BTreeMap<String, BTreeSet<String>>,
    /// To be found nowhere in an answer.
    secrets: BTreeSet<String>,
    /// To be found as no whole value of an answer: as parts of longer ones they are ordinary words.
    names: BTreeSet<String>,
}

/// Whose an answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Tenants,
    /// A collection that every tenant sees alike.
    Everybodys,
}

/// What the member `name` of a thing in the collection `container` names; `None` if it names nothing.
fn kind(container: &str, name: &str) -> Option<String> {
    Some(match name {
        "id" => container.to_owned(),
        // What an app is allowed is known by the app.
        "client_id" if container == "consents" => "clients".into(),
        // The program with which somebody logged in, such as `web`; clients of a tenant are principals.
        "client_id" => return None,
        "sid" => "sessions".into(),
        "principal" | "actor" | "about" | "granted_by" | "added_by" => "principals".into(),
        "email" | "recipient" | "address" => "emails".into(),
        "host" => "hosts".into(),
        "kind" => "kinds".into(),
        "target" => "targets".into(),
        "service" | "namespace" => "services.name".into(),
        "name" => format!("{container}.name"),
        _ => format!("{}s", name.strip_suffix("_id")?),
    })
}

impl Known {
    /// Learns what an answer about `container` says.
    pub fn learn(&mut self, container: &str, answer: &Value, whose: Whose) {
        match answer {
            Value::Array(items) => items.iter().for_each(|item| self.learn(container, item, whose)),
            Value::Object(members) => {
                // Every tenant has the built-in roles.
                let whose = if members.get("built_in") == Some(&Value::Bool(true)) { Whose::Everybodys } else { whose };
                for (name, value) in members.iter().filter(|(name, _)| !EVERYBODYS.contains(&name.as_str())) {
                    match value {
                        Value::String(text) => self.note(container, name, text, whose),
                        _ => self.learn(&within(container, name), value, whose),
                    }
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, container: &str, name: &str, text: &str, whose: Whose) {
        if let Some(kind) = kind(container, name) {
            self.values.entry(kind).or_default().insert(text.to_owned());
        }
        if whose == Whose::Everybodys {
            return;
        }
        self.secrets.extend(uuids(text).map(str::to_owned));
        let chosen = container == "settings" && text.len() >= SHORTEST_SETTING;
        if text.contains('@') || chosen || ["host", "setup_code"].contains(&name) {
            self.secrets.insert(text.to_owned());
        }
        if ["display_name", "tenant_name"].contains(&name) || name == "name" && NAMED_BY_TENANTS.contains(&container) {
            self.names.insert(text.to_owned());
        }
    }

    /// What a parameter or a member of a body called `name` may be filled with.
    pub fn values(&self, container: &str, name: &str, is_uuid: bool) -> Vec<&str> {
        let kind = kind(container, name).unwrap_or_else(|| format!("{name}s{}", if is_uuid { "" } else { ".name" }));
        self.values.get(&kind).into_iter().flatten().map(String::as_str).collect()
    }

    /// Whether a text has anything of the tenant.
    pub fn is_in(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret))
    }

    /// What `answer` tells of the tenant that is not in `told`, which is what the caller knew to say.
    pub fn leaks(&self, answer: &str, told: &str) -> Vec<&str> {
        let hidden = |text: &&String| !told.contains(text.as_str());
        let secrets = self.secrets.iter().filter(hidden).filter(|secret| answer.contains(secret.as_str()));
        let said = serde_json::from_str(answer).map(|answer: Value| texts(&answer)).unwrap_or_default();
        secrets
            .chain(self.names.iter().filter(hidden).filter(|name| said.contains(*name)))
            .map(String::as_str)
            .collect()
    }

    pub fn secrets(&self) -> usize {
        self.secrets.len() + self.names.len()
    }
}

/// The collection that a member holds things of: `items` are those of the collection itself, and `user` is one of the
/// users.
fn within(container: &str, member: &str) -> String {
    match member {
        "items" => container.to_owned(),
        "settings" => member.to_owned(),
        plural if plural.ends_with('s') => plural.to_owned(),
        singular => format!("{singular}s"),
    }
}

/// Every text in a value.
fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => BTreeSet::from([text.clone()]),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => BTreeSet::new(),
    }
}

/// Every UUID in a text (RFC 9562 §4).
fn uuids(text: &str) -> impl Iterator<Item = &str> {
    let is_uuid = |part: &&str| {
        part.bytes()
            .enumerate()
            .all(|(at, byte)| if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() })
    };
    text.char_indices().filter_map(move |(at, _)| text.get(at..at + UUID)).filter(is_uuid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ADA: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const ROLE: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn known() -> Known {
        let mut known = Known::default();
        let grants = json!({"items": [{"id": ROLE, "principal": format!("user:{ADA}"), "role": "owner",
            "granted_at": "2026-01-01T00:00:00Z"}]});
        known.learn("grants", &grants, Whose::Tenants);
        known.learn(
            "me",
            &json!({"user": {"id": ADA, "email": "ada@acme.test", "display_name": "Ada"},
                "tenant": {"id": ADA, "name": "Acme"}}),
            Whose::Tenants,
        );
        known.learn(
            "instances",
            &json!({"id": ROLE, "host": "acme.localhost", "settings": {"title": "The kettles", "theme": "dark"}}),
            Whose::Tenants,
        );
        known.learn(
            "permissions",
            &json!({"items": [{"id": "00000000-0000-7000-8000-000000000009", "name": "x.y"}]}),
            Whose::Everybodys,
        );
        known
    }

    #[test]
    fn what_is_learnt_fills_parameters_of_its_kind() {
        let known = known();
        assert_eq!(known.values("grants", "id", true), [ROLE]);
        assert_eq!(known.values("members", "principal", false), [format!("user:{ADA}")]);
        assert_eq!((known.values("x", "tenant_id", true), known.values("x", "grant", true)), (vec![ADA], vec![ROLE]));
        assert_eq!(
            (known.values("permissions", "name", false), known.values("x", "permission", false)),
            (vec!["x.y"], vec!["x.y"])
        );
        assert_eq!(known.values("suppressions", "address", false), ["ada@acme.test"]);
        assert!(known.values("polls", "id", true).is_empty());
    }

    #[test]
    fn a_leak_is_found_wherever_it_stands() {
        let known = known();
        for (answer, leaked) in [
            (json!({"items": [{"id": ROLE}]}).to_string(), ROLE),
            (json!({"detail": format!("there is user:{ADA}")}).to_string(), ADA),
            ("<p>Welcome to The kettles</p>".into(), "The kettles"),
            (json!({"message": "to ada@acme.test"}).to_string(), "ada@acme.test"),
            (json!([{"tenant": {"name": "Acme"}}]).to_string(), "Acme"),
        ] {
            assert_eq!(known.leaks(&answer, "GET /v1/things"), [leaked], "{answer}");
        }
    }

    #[test]
    fn what_was_said_in_the_request_is_no_leak_and_neither_is_a_word() {
        let known = known();
        let echoed = json!({"detail": format!("no grant {ROLE}")}).to_string();
        assert!(known.leaks(&echoed, &format!("DELETE /v1/grants/{ROLE}")).is_empty());
        let harmless = json!({"title": "Acmeology for Adam", "id": "01890a5d-ac96-774b-bcce-b302099a8059",
            "theme": "dark", "name": "x.y"})
        .to_string();
        assert!(known.leaks(&harmless, "").is_empty());
    }
}
