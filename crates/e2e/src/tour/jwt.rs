//! JSON web tokens (RFC 7519): what does one say?

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// Header, payload and signature as they are written.
pub fn parts(token: &str) -> Result<[&str; 3]> {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().ok().context("no JWT has other than three parts")
}

pub fn decode(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part)?)?)
}

/// What a token says, whoever has signed it.
pub fn claims(token: &str) -> Result<Value> {
    decode(parts(token)?[1])
}
