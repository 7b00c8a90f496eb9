//! Authentication of clients (OAuth 2.1 §2.4): is this client who it says it is? By a secret, by an assertion that it
//! signs (RFC 7523), or, for one that can keep no secret, not at all.

use super::{
    assertions,
    error::{Code, Refusal, refuse},
    known::{find, invalid_client},
    store::OAuthClient,
};
use crate::{
    app::App,
    clients::{registration::AuthMethod, secrets},
    opaque::OpaqueToken,
};
use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::{origin, source::Source};
use contracts::id::{ClientId, Principal, SessionId};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

/// How a client says who it is in a form. Every field may be absent: RFC 6749 §5.2 names the refusals, not ours.
#[derive(Default, Deserialize, ToSchema)]
pub struct Credentials {
    /// Unless HTTP Basic names it.
    client_id: Option<String>,
    /// Unless HTTP Basic gives it.
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<SecretString>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// A JWT that the client signed (RFC 7523 §3).
    client_assertion: Option<String>,
}

impl Credentials {
    /// Of a form whose `client_id` was read as something else's.
    pub fn of(self, client: Option<ClientId>) -> Self {
        Self { client_id: self.client_id.or(client.map(|id| id.to_string())), ..self }
    }

    /// Whether nothing at all was shown in the form.
    pub fn is_empty(&self) -> bool {
        self.client_id.is_none() && self.client_secret.is_none() && self.client_assertion.is_none()
    }
}

/// From where a request comes, and what it says besides its form.
pub type Caller<'a> = (Source, &'a HeaderMap);

/// A client that is who it says it is.
pub enum Authenticated {
    /// One of the platform's own services, or a product.
    Platform(String),
    Tenant(TenantClient),
}

impl Authenticated {
    /// As it is written down beside what it changes.
    fn speaker(&self) -> origin::Caller {
        let (client_id, session) = match self {
            Self::Platform(id) => (id.clone(), None),
            Self::Tenant(known) => (known.client.id.to_string(), known.credential),
        };
        origin::Caller { principal: Principal::Client(client_id.clone()), client_id, session }
    }
}

/// A client of a tenant.
pub struct TenantClient {
    pub client: OAuthClient,
    /// What it was known by, and so what its own tokens live by; `None` if it has shown nothing.
    pub credential: Option<SessionId>,
}

/// Whoever it is. 429 for a network that has shown too many wrong credentials.
pub async fn authenticate(
    app: &App,
    (source, headers): Caller<'_>,
    given: Credentials,
) -> Result<Authenticated, Refusal> {
    let shown = check(app, headers, given).await;
    if shown.as_ref().is_err_and(Refusal::is_of_client) {
        app.throttle.wrong_secret(source).await?;
    }
    if let Ok(known) = &shown {
        origin::spoken_by(|| known.speaker());
    }
    shown
}

async fn check(app: &App, headers: &HeaderMap, given: Credentials) -> Result<Authenticated, Refusal> {
    if let Some(assertion) = given.client_assertion {
        let (header, secret) = (headers.contains_key(header::AUTHORIZATION), given.client_secret.is_some());
        if header || secret || given.client_assertion_type.as_deref() != Some(assertions::TYPE) {
            return Err(refuse(Code::InvalidRequest, "Give the client's credentials once, in one way."));
        }
        let client = assertions::client(app, given.client_id.as_deref(), &assertion).await?;
        let credential = Some(SessionId(client.id.0));
        return Ok(Authenticated::Tenant(TenantClient { client, credential }));
    }
    let (id, secret) = shown(headers, given)?;
    let Some(secret) = secret else {
        let client = find(app, &id).await?.filter(|client| client.method == AuthMethod::None);
        let client = client.ok_or_else(invalid_client)?;
        return Ok(Authenticated::Tenant(TenantClient { client, credential: None }));
    };
    if app.platform_clients.know(&id, secret.expose_secret()) {
        return Ok(Authenticated::Platform(id));
    }
    let client = find(app, &id).await?.ok_or_else(invalid_client)?;
    let secret = secrets::known(app, &client, &OpaqueToken::shown(secret.expose_secret())).await?;
    Ok(Authenticated::Tenant(TenantClient { client, credential: Some(secret.ok_or_else(invalid_client)?) }))
}

/// As [`authenticate`], for what only clients of tenants do.
pub async fn of_tenant(app: &App, caller: Caller<'_>, given: Credentials) -> Result<OAuthClient, Refusal> {
    match authenticate(app, caller, given).await? {
        Authenticated::Tenant(TenantClient { client, .. }) => Ok(client),
        Authenticated::Platform(_) => {
            Err(refuse(Code::UnauthorizedClient, "The platform's own clients sign nobody in."))
        }
    }
}

/// Id and secret, given in one way only (RFC 6749 §2.3).
fn shown(headers: &HeaderMap, given: Credentials) -> Result<(String, Option<SecretString>), Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Ok((given.client_id.ok_or_else(invalid_client)?, given.client_secret));
    };
    let (id, secret) = header.to_str().ok().and_then(basic).ok_or_else(invalid_client)?;
    if given.client_secret.is_some() || given.client_id.is_some_and(|given| given != id) {
        return Err(refuse(Code::InvalidRequest, "Give the client's credentials once: in the header or in the body."));
    }
    Ok((id, Some(secret)))
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
