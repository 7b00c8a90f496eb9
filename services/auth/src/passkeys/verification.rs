//! Verification of what authenticators answer (Web Authentication Level 3, §7.1 and §7.2): pure, over what the browser
//! sent and what was asked.
//!
//! Attestation is neither asked for nor looked at: which make of authenticator somebody has is theirs to choose.

use super::{
    authenticator_data::{AuthenticatorData, Credential},
    cose::PublicKey,
    relying_party::RelyingParty,
};
use crate::opaque::{OpaqueToken, sha256};
use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ciborium::Value;
use serde::Deserialize;
use utoipa::ToSchema;

/// Some libraries pad, and some do not.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `PublicKeyCredential.toJSON()` after `navigator.credentials.create` (§5.1, RegistrationResponseJSON). Binary members
/// are base64url.
#[derive(Deserialize, ToSchema)]
pub struct RegistrationCredential {
    response: AttestationResponse,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    attestation_object: String,
}

/// `PublicKeyCredential.toJSON()` after `navigator.credentials.get` (§5.1, AuthenticationResponseJSON). Binary members
/// are base64url.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssertionCredential {
    raw_id: String,
    response: AssertionResponse,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// A registration that is sound, whoever asked for it.
pub struct Registration {
    pub challenge: OpaqueToken,
    pub credential: Credential,
    pub sign_count: u32,
    pub synced: bool,
    pub verified: bool,
}

/// A signature, whose key is not known yet.
pub struct Assertion {
    pub challenge: OpaqueToken,
    pub credential_id: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    pub data: AuthenticatorData,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// What is wrong with an answer, for who writes the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("is malformed, or of a kind of key that is not supported")]
    Malformed,
    #[error("is the answer to something else")]
    AnotherCeremony,
    #[error("comes from a page that may not ask for it")]
    ForeignOrigin,
    #[error("is for another host")]
    AnotherRelyingParty,
    #[error("was given by nobody who was there")]
    Absent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl RegistrationCredential {
    pub fn verify(&self, party: &RelyingParty) -> Result<Registration, Fault> {
        let (_, challenge) = client_data(&self.response.client_data_json, "webauthn.create", party)?;
        let object = decode(&self.response.attestation_object)?;
        let object: Value = ciborium::from_reader(&mut &object[..]).map_err(|_| Fault::Malformed)?;
        let members = object.as_map().into_iter().flatten();
        let data = members.filter(|(name, _)| name.as_text() == Some("authData")).find_map(|(_, data)| data.as_bytes());
        let AuthenticatorData { credential, sign_count, synced, verified, .. } =
            authenticator_data(data.ok_or(Fault::Malformed)?, party)?;
        let credential = credential.ok_or(Fault::Malformed)?;
        Ok(Registration { challenge, credential, sign_count, synced, verified })
    }
}

impl AssertionCredential {
    /// All but the signature, for which the key has to be found.
    pub fn verify(&self, party: &RelyingParty) -> Result<Assertion, Fault> {
        let (client_data, challenge) = client_data(&self.response.client_data_json, "webauthn.get", party)?;
        let data = decode(&self.response.authenticator_data)?;
        let user_handle = self.response.user_handle.as_deref().filter(|handle| !handle.is_empty());
        Ok(Assertion {
            challenge,
            credential_id: decode(&self.raw_id)?,
            user_handle: user_handle.map(decode).transpose()?,
            data: authenticator_data(&data, party)?,
            signed: [&data[..], &sha256(&[&client_data])].concat(),
            signature: decode(&self.response.signature)?,
        })
    }
}

impl Assertion {
    /// Whether it was made with the key, which is as it was stored.
    pub fn is_of(&self, public_key: &[u8]) -> bool {
        PublicKey::read(public_key).is_some_and(|key| key.has_signed(&self.signed, &self.signature))
    }

    /// Whether a counter tells that there are two copies of the key (§6.1.1).
    pub fn is_of_a_copy(&self, last: i64) -> bool {
        let count = i64::from(self.data.sign_count);
        (count, last) != (0, 0) && count <= last
    }
}

/// Its bytes, and the challenge that it answers.
fn client_data(encoded: &str, kind: &str, party: &RelyingParty) -> Result<(Vec<u8>, OpaqueToken), Fault> {
    let bytes = decode(encoded)?;
    let data: ClientData = serde_json::from_slice(&bytes).map_err(|_| Fault::Malformed)?;
    if data.kind != kind {
        return Err(Fault::AnotherCeremony);
    }
    if data.cross_origin || !party.has(&data.origin) {
        return Err(Fault::ForeignOrigin);
    }
    Ok((bytes, OpaqueToken::shown(data.challenge)))
}

fn authenticator_data(bytes: &[u8], party: &RelyingParty) -> Result<AuthenticatorData, Fault> {
    let data = AuthenticatorData::read(bytes).ok_or(Fault::Malformed)?;
    if data.rp_id_hash != party.id_hash() {
        return Err(Fault::AnotherRelyingParty);
    }
    if data.present { Ok(data) } else { Err(Fault::Absent) }
}

fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    BASE64URL.decode(text).map_err(|_| Fault::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_ask() {
        let party = RelyingParty::new(
            &"https://auth.test".parse().unwrap(),
            &["https://app.auth.test".to_owned(), "no origin".to_owned()],
        );
        assert_eq!(party.id(), "auth.test");
        let data = |kind: &str, origin: &str, more: &str| {
            let text = format!(r#"{{"type":"{kind}","challenge":"abc","origin":"{origin}"{more}}}"#);
            client_data(&BASE64URL.encode(text), "webauthn.get", &party).map(|(_, challenge)| challenge.hash())
        };
        let challenge = Ok(OpaqueToken::shown("abc").hash());
        assert_eq!(data("webauthn.get", "https://auth.test", ""), challenge);
        assert_eq!(data("webauthn.get", "https://app.auth.test", r#","crossOrigin":false,"new":{}"#), challenge);
        for origin in ["https://auth.test.evil.test", "http://auth.test", "https://auth.test/", "no origin", ""] {
            assert_eq!(data("webauthn.get", origin, ""), Err(Fault::ForeignOrigin), "{origin}");
        }
        let framed = data("webauthn.get", "https://auth.test", r#","crossOrigin":true"#);
        assert_eq!(framed, Err(Fault::ForeignOrigin));
        assert_eq!(data("webauthn.create", "https://auth.test", ""), Err(Fault::AnotherCeremony));
        assert_eq!(data("\"", "https://auth.test", ""), Err(Fault::Malformed));
    }
}
