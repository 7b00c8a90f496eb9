//! What a tenant says of a provider: checked, every fault told at once.

use super::address::Reach;
use crate::{name::Name, registrations::model};
use common::problem::FieldError;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// More ways to sign in than anybody chooses from.
pub const MOST_PROVIDERS: i64 = 10;
/// Ids are names or UUIDs; secrets of some providers are JWTs.
const LONGEST_CLIENT_ID: usize = 255;
const LONGEST_SECRET: usize = 2000;

/// Body of `POST /v1/identity-providers` and of `PUT /v1/identity-providers/{id}`.
#[derive(Deserialize, ToSchema)]
pub struct ProviderRequest {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Acme's staff")]
    name: Option<String>,
    /// As the provider writes it: compared character by character.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 500, example = "https://login.example.com/acme")]
    issuer: Option<String>,
    /// Of the client that the provider has registered for us.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, example = "sevenleague")]
    client_id: Option<String>,
    /// Never shown again. Absent from an edit it stays as it is, unless `issuer` or `client_id` is another.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 2000, example = "Zm9yIHRoZSBwcm92aWRlcg")]
    client_secret: Option<SecretString>,
    /// Whether people can sign in by it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

fn yes() -> bool {
    true
}

/// A checked request.
pub struct Configuration {
    pub name: Name,
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    pub enabled: bool,
}

impl ProviderRequest {
    pub fn check(self, reach: Reach) -> Result<Configuration, Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = model::name("name", self.name.as_deref(), &mut faults);
        let issuer = present("issuer", self.issuer, &mut faults);
        if let Some(fault) = issuer.as_deref().and_then(|issuer| reach.issuer(issuer).err()) {
            faults.push(FieldError::new("issuer", "malformed", fault.to_string()));
        }
        let client_id = present("client_id", self.client_id, &mut faults);
        let secret = self.client_secret.as_ref().map(SecretString::expose_secret);
        for (field, text, longest) in
            [("client_id", client_id.as_deref(), LONGEST_CLIENT_ID), ("client_secret", secret, LONGEST_SECRET)]
        {
            // VSCHAR (RFC 6749, appendix A.1 and A.2).
            if text.is_some_and(|text| text.is_empty() || text.len() > longest || !text.bytes().all(is_visible)) {
                let message = format!("must be 1 to {longest} visible characters of ASCII");
                faults.push(FieldError::new(field, "malformed", message));
            }
        }
        match (name, issuer, client_id) {
            (Some(name), Some(issuer), Some(client_id)) if faults.is_empty() => {
                let Self { client_secret, enabled, .. } = self;
                Ok(Configuration { name, issuer, client_id, client_secret, enabled })
            }
            _ => Err(faults),
        }
    }
}

fn present(field: &str, text: Option<String>, faults: &mut Vec<FieldError>) -> Option<String> {
    if text.is_none() {
        faults.push(FieldError::new(field, "missing", "is required"));
    }
    text
}

fn is_visible(byte: u8) -> bool {
    (0x20..=0x7e).contains(&byte)
}

/// Of a secret that must be shown once more.
pub fn secret_missing() -> FieldError {
    FieldError::new("client_secret", "missing", "is required for a new provider, issuer or client")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn faults(body: Value) -> String {
        let request: ProviderRequest = serde_json::from_value(body).unwrap();
        let faults = request.check(Reach::Public).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let sound = json!({"name": "Staff", "issuer": "https://login.example.com", "client_id": "us"});
        assert_eq!(faults(sound), "");
        assert_eq!(faults(json!({})), "name missing, issuer missing, client_id missing");
        let wrong = json!({"name": " ", "issuer": "https://10.0.0.1", "client_id": "a\nb", "client_secret": ""});
        assert_eq!(faults(wrong), "name missing, issuer malformed, client_id malformed, client_secret malformed");
    }
}
