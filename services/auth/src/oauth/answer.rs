//! Answer of the token endpoint (OAuth 2.1 §3.2.3).

use crate::issuer::AccessToken;
use serde::Serialize;
use utoipa::ToSchema;

/// What an exchange takes and gives (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds.
    #[schema(example = 300)]
    pub expires_in: u64,
    /// Works once; only with `offline_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who has signed in; only with `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What the token may be used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Of an exchange (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

impl TokenAnswer {
    pub fn of(token: AccessToken) -> Self {
        Self {
            access_token: token.text,
            token_type: "Bearer",
            expires_in: token.seconds,
            refresh_token: None,
            id_token: None,
            scope: None,
            issued_token_type: None,
        }
    }

    /// Of an exchange.
    pub fn exchanged(token: AccessToken, scope: Option<String>) -> Self {
        Self { scope, issued_token_type: Some(ACCESS_TOKEN), ..Self::of(token) }
    }
}
