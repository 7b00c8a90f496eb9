//! Token exchange (RFC 8693): a token for one audience is exchanged for one for another.
//!
//! A person's own frontend exchanges their token for the platform for one that only a product takes. A product
//! exchanges such a token for one for the platform, and then acts for the person: with what both may do.

use super::{
    answer::{ACCESS_TOKEN, TokenAnswer},
    client_authentication::{self, Authenticated, Caller, Credentials},
    error::{Code, Refusal, refuse},
    scope::Scopes,
};
use crate::{app::App, issuer::WEB};
use access::token::{Actor, Claims, TOKEN_TYPE};
use axum::http::header;
use contracts::id::Principal;
use serde::Deserialize;
use utoipa::ToSchema;

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What is exchanged, and for what (RFC 8693 §2.1).
#[derive(Deserialize, ToSchema)]
pub struct Exchange {
    /// An access token of a person.
    #[schema(format = Password)]
    subject_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    subject_token_type: Option<String>,
    /// The same, or absent.
    requested_token_type: Option<String>,
    /// For which resource the new token is to be: a product's audience, or absent for the platform (RFC 8707).
    resource: Option<String>,
}

pub async fn token(
    app: &App,
    caller: Caller<'_>,
    given: Credentials,
    exchange: Exchange,
    scope: Option<String>,
) -> Result<TokenAnswer, Refusal> {
    let subject = subject(app, &exchange).await?;
    let target = app.audiences.of_resource(exchange.resource.as_deref());
    let target = target.ok_or_else(|| refuse(Code::InvalidTarget, "There is no such resource."))?;
    let nobody = given.is_empty() && !caller.1.contains_key(header::AUTHORIZATION);
    let claims = if nobody {
        for_a_product(app, subject, target)?
    } else {
        match client_authentication::authenticate(app, caller, given).await? {
            Authenticated::Platform(product) => for_the_platform(app, subject, target, product).await?,
            Authenticated::Tenant(_) => {
                return Err(refuse(Code::UnauthorizedClient, "Only products exchange tokens for the platform."));
            }
        }
    };
    let scope = narrowed(claims.scope.as_deref(), scope.as_deref())?;
    let token = app.issuer.again(Claims { scope: scope.clone(), ..claims }).await?;
    Ok(TokenAnswer::exchanged(token, scope))
}

/// The claims of the token that is exchanged. Its session must be alive.
async fn subject(app: &App, exchange: &Exchange) -> Result<Claims, Refusal> {
    let is_access_token = |kind: &Option<String>| kind.as_deref() == Some(ACCESS_TOKEN);
    if !is_access_token(&exchange.subject_token_type)
        || exchange.requested_token_type.is_some() && !is_access_token(&exchange.requested_token_type)
    {
        return Err(refuse(Code::InvalidRequest, "Only access tokens are exchanged, for access tokens."));
    }
    let text = exchange.subject_token.as_deref();
    let text = text.ok_or_else(|| refuse(Code::InvalidRequest, "subject_token is required."))?;
    let claims = app.keyring.claims::<Claims>(TOKEN_TYPE, text).await?;
    let invalid = || refuse(Code::InvalidRequest, "subject_token is not valid, or not alive any more.");
    let claims = claims.filter(|claims| app.issuer.is_own_and_timely(claims)).ok_or_else(invalid)?;
    match app.access.admit(&claims, None).await {
        Ok(_) => Ok(claims),
        Err(problem) if problem.status.is_server_error() => Err(problem.into()),
        Err(_) => Err(invalid()),
    }
}

/// Whoever has the token for the platform can do all of it, so nobody is asked who they are.
fn for_a_product(app: &App, subject: Claims, target: String) -> Result<Claims, Refusal> {
    if subject.aud != app.audiences.platform() || subject.client_id != WEB || subject.act.is_some() {
        return Err(refuse(Code::InvalidRequest, "Only a token of a person's own log-in is exchanged by anybody."));
    }
    Ok(Claims { aud: target, ..subject })
}

/// The product becomes the actor. What it was handed by another product it cannot exchange.
///
/// What the product may do in the tenant stands in the token, and is looked up with each request as well
/// ([`access::Access::admit`]).
async fn for_the_platform(app: &App, subject: Claims, target: String, product: String) -> Result<Claims, Refusal> {
    if subject.aud != app.audiences.of_client(&product) || subject.aud == target || subject.act.is_some() {
        return Err(refuse(Code::InvalidRequest, "subject_token is not for this client."));
    }
    if target != app.audiences.platform() {
        return Err(refuse(Code::InvalidTarget, "A product exchanges tokens only for the platform."));
    }
    let acts = subject.tid.zip(subject.sid);
    let (tenant, session) = acts.ok_or_else(|| refuse(Code::InvalidRequest, "subject_token acts in no tenant."))?;
    let permissions = app.access.permissions(tenant, Principal::Client(product.clone()), session).await?;
    let held = subject.scope.as_deref().map(Scopes::of_token);
    let both = permissions.into_iter().filter(|name| held.as_ref().is_none_or(|held| held.has(name)));
    let scope = Some(both.collect::<Vec<_>>().join(" "));
    Ok(Claims { aud: target, client_id: product.clone(), act: Some(Actor { sub: product }), scope, ..subject })
}

/// What the new token may be used for: no more than the old one.
fn narrowed(held: Option<&str>, wanted: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(wanted) = wanted else { return Ok(held.map(str::to_owned)) };
    let too_much = || refuse(Code::InvalidScope, "scope names something that subject_token is not for.");
    let wanted = wanted.parse::<Scopes>().map_err(|_| too_much())?;
    let held = held.map(Scopes::of_token);
    let enough = held.is_none_or(|held| held.contains_all(&wanted));
    if enough { Ok(Some(wanted.to_string())) } else { Err(too_much()) }
}
