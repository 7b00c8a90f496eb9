//! What a page hands to the browser: options of `navigator.credentials.create` and `get`, in the JSON form of Web
//! Authentication §5.1.8 and §5.1.9, for `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON`.

use super::cose::ALGORITHMS;
use crate::{accounts::store::User, app::App, opaque::OpaqueToken};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use utoipa::ToSchema;

/// Under which name authenticators show us.
const PLATFORM: &str = "Sevenleague";
const PUBLIC_KEY: &str = "public-key";

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: Party,
    user: Owner,
    /// Base64url; it works once, for five minutes.
    challenge: String,
    pub_key_cred_params: Vec<Algorithm>,
    /// In milliseconds.
    timeout: i64,
    /// Authenticators that the person has enrolled already.
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    #[schema(example = "none")]
    attestation: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// Base64url; it works once, for five minutes.
    challenge: String,
    /// In milliseconds.
    timeout: i64,
    #[schema(example = "auth.example.com")]
    rp_id: String,
    /// Empty: any passkey for this host that names its owner.
    allow_credentials: Vec<Descriptor>,
    #[schema(example = "preferred")]
    user_verification: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct Party {
    #[schema(example = "auth.example.com")]
    id: String,
    #[schema(example = "Sevenleague")]
    name: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Base64url; the user's id.
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, ToSchema)]
pub struct Algorithm {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of COSE.
    #[schema(example = -7)]
    alg: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Base64url.
    id: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    resident_key: &'static str,
    user_verification: &'static str,
}

/// Whether the authenticator has to know its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It is the only factor.
    Required,
    /// Beside a password the touch of a security key is enough.
    Preferred,
}

impl Verification {
    fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
        }
    }
}

pub fn creation(app: &App, user: &User, challenge: &OpaqueToken, present: &[Vec<u8>]) -> CreationOptions {
    CreationOptions {
        rp: Party { id: app.relying_party.id().to_owned(), name: PLATFORM },
        user: Owner {
            id: URL_SAFE_NO_PAD.encode(user.id.0),
            name: user.email.clone(),
            display_name: user.display_name.clone(),
        },
        challenge: challenge.expose().to_owned(),
        pub_key_cred_params: ALGORITHMS.map(|alg| Algorithm { kind: PUBLIC_KEY, alg }).into(),
        timeout: super::challenges::LIFETIME.num_milliseconds(),
        exclude_credentials: descriptors(present),
        authenticator_selection: Selection {
            resident_key: "preferred",
            user_verification: Verification::Preferred.word(),
        },
        attestation: "none",
    }
}

pub fn request(app: &App, challenge: &OpaqueToken, of: &[Vec<u8>], verification: Verification) -> RequestOptions {
    RequestOptions {
        challenge: challenge.expose().to_owned(),
        timeout: super::challenges::LIFETIME.num_milliseconds(),
        rp_id: app.relying_party.id().to_owned(),
        allow_credentials: descriptors(of),
        user_verification: verification.word(),
    }
}

fn descriptors(ids: &[Vec<u8>]) -> Vec<Descriptor> {
    ids.iter().map(|id| Descriptor { kind: PUBLIC_KEY, id: URL_SAFE_NO_PAD.encode(id) }).collect()
}
