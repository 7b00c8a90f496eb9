//! The token endpoint (RFC 6749 §4.4): a machine shows its secret in the body or by HTTP Basic.

use super::secrets;
use crate::{app::App, issuer::AccessToken, opaque::OpaqueToken, sessions::routes::NO_STORE};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::{
    http::{Form, Json},
    problem::Problem,
    source::Source,
};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every field may be absent: RFC 6749 §5.2 names the refusals, not ours.
#[derive(Deserialize, ToSchema)]
pub struct TokenRequest {
    #[schema(value_type = String, required = true, example = "client_credentials")]
    grant_type: Option<String>,
    /// Unless HTTP Basic names it.
    client_id: Option<String>,
    /// Unless HTTP Basic gives it.
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 300)]
    expires_in: u64,
}

#[utoipa::path(post, path = "/v1/oauth/token", operation_id = "issueToken", tag = "clients",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer),
        (status = 400, description = "`invalid_request`, `unsupported_grant_type`"),
        (status = 401, description = "`invalid_client`"),
        (status = 429, description = "`too_many_requests`: wrong secrets from this network.")),
    security(()))]
pub async fn token(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Result<([(HeaderName, &'static str); 1], Json<TokenAnswer>), Problem> {
    let grant_type = request.grant_type.as_deref().ok_or_else(|| invalid_request("grant_type is required."))?;
    if grant_type != "client_credentials" {
        return Err(Problem::bad_request("unsupported_grant_type", "The only grant type here is client_credentials."));
    }
    let (client_id, secret) = credentials(&headers, request)?;
    let issued = issue(&app, &client_id, &secret).await;
    let token = app.throttle.unguessable(source, issued).await?;
    Ok(([NO_STORE], Json(TokenAnswer { access_token: token.text, token_type: "Bearer", expires_in: token.seconds })))
}

async fn issue(app: &App, client_id: &str, secret: &SecretString) -> Result<AccessToken, Problem> {
    if app.platform_clients.know(client_id, secret.expose_secret()) {
        app.issuer.for_client(client_id).await
    } else {
        secrets::token(app, client_id, &OpaqueToken::shown(secret.expose_secret())).await?.ok_or_else(invalid_client)
    }
}

/// The client's credentials, given in one way only (RFC 6749 §2.3).
fn credentials(headers: &HeaderMap, request: TokenRequest) -> Result<(String, SecretString), Problem> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return request.client_id.zip(request.client_secret).ok_or_else(invalid_client);
    };
    let (id, secret) = header.to_str().ok().and_then(basic).ok_or_else(invalid_client)?;
    if request.client_secret.is_some() || request.client_id.is_some_and(|given| given != id) {
        return Err(invalid_request("Give the client's credentials once: in the header or in the body."));
    }
    Ok((id, secret))
}

/// Id and secret of `Basic <base64>`, each form-encoded within (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some((form_decoded(id)?, form_decoded(secret)?.into()))
}

fn form_decoded(text: &str) -> Option<String> {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().ok().map(Into::into)
}

fn invalid_request(detail: &str) -> Problem {
    Problem::bad_request("invalid_request", detail)
}

fn invalid_client() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", "There is no client with this id and secret.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_within() {
        let header = format!("Basic {}", STANDARD.encode("worker:a%2Bb+c%25"));
        let (id, secret) = basic(&header).unwrap();
        assert_eq!((id.as_str(), secret.expose_secret()), ("worker", "a+b c%"));
        for wrong in [
            "Basic",
            "Basic !",
            "Bearer d29ya2VyOmE=",
            &format!("Basic {}", STANDARD.encode("worker")),
            &format!("Basic {}", STANDARD.encode("worker:%ff")),
        ] {
            assert!(basic(wrong).is_none(), "{wrong}");
        }
    }
}
