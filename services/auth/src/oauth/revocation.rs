//! Revocation (RFC 7009): an app ends what it was given. A token ends with its whole session, refresh token and access
//! tokens alike, and is taken nowhere any more when the answer is there.

use super::{
    client_authentication,
    error::{Code, OAuthError, Refusal, refuse},
    introspection::{TokenQuery, access_token},
};
use crate::{
    app::App,
    opaque::OpaqueToken,
    sessions::opening::{self, Consent},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use common::{http::Form, source::Source};
use contracts::id::Principal;

#[utoipa::path(post, path = "/v1/oauth/revoke", operation_id = "revokeToken", tag = "oauth",
    request_body(content = TokenQuery, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It is over, or never was."),
        (status = 400, description = "What is wrong with the request.", body = OAuthError),
        (status = 401, description = "It is not this client.", body = OAuthError),
        (status = 429, description = "`too_many_requests`: wrong credentials from this network.")),
    extensions(("x-no-idempotency-key" = json!("A repetition finds nothing more to end."))), security(()))]
pub async fn revoke(
    State(app): State<App>,
    source: Source,
    headers: HeaderMap,
    Form(query): Form<TokenQuery>,
) -> Result<StatusCode, Refusal> {
    let (token, credentials) = query.read()?;
    let client = client_authentication::of_tenant(&app, (source, &headers), credentials).await?;
    if let Some(claims) = access_token(&app, &token).await?.filter(|claims| claims.client_id == client.id.to_string()) {
        return match (claims.principal(), claims.sid) {
            (Some(Principal::User(user)), Some(session)) => {
                opening::end(&app, user, session, Consent::Kept).await?;
                Ok(StatusCode::OK)
            }
            _ => Err(refuse(Code::UnsupportedTokenType, "A client's own token ends with its secret.")),
        };
    }
    let session = opening::of_token(&app, &OpaqueToken::shown_by_app(token)).await?;
    if let Some((session, _)) = session.filter(|(session, _)| session.client_id() == Some(client.id)) {
        opening::end(&app, session.user_id, session.id, Consent::Kept).await?;
    }
    Ok(StatusCode::OK)
}
