//! From a code to who has signed in (OpenID Connect Core §3.1.3): the token endpoint, the ID token, and UserInfo where
//! the ID token says nothing of an address.

use super::{
    directory::Directory,
    id_token::{Address, Claims, Expected, SignedIn},
    metadata::{Authentication, Metadata},
    outbound::Fault,
    signature,
    store::Provider,
};
use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::sync::Arc;

/// What we show for tokens.
pub struct Shown<'a> {
    pub code: &'a str,
    pub verifier: &'a str,
    pub redirect_uri: &'a str,
    pub nonce: &'a str,
    pub client_secret: &'a SecretString,
}

/// Answer of the token endpoint (OpenID Connect Core §3.1.3.3).
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    token_type: String,
    id_token: String,
}

/// Answer of UserInfo (OpenID Connect Core §5.3.2).
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    address: Address,
}

/// Who has signed in, with an address if the provider tells one at all.
pub async fn signed_in(
    directory: &Directory,
    provider: &Provider,
    metadata: &Metadata,
    shown: &Shown<'_>,
    now: DateTime<Utc>,
) -> Result<SignedIn, Arc<Fault>> {
    // Before the code is used up: then they are at hand.
    directory.keys(provider, metadata, None).await?;
    let request = token_request(directory, provider, metadata, shown);
    let tokens: Tokens = directory.outbound.send(provider.tenant_id, request).await?;
    let header =
        signature::header(&tokens.id_token).ok_or(Fault::Unsound("its ID token is not signed as it must be"))?;
    let keys = directory.keys(provider, metadata, header.kid.as_deref()).await?;
    let claims = signature::verified::<Claims>(&tokens.id_token, &header, &keys.keys);
    let claims = claims.ok_or(Fault::Unsound("its ID token is not signed by one of its keys"))?;
    let expected = Expected {
        issuer: &provider.issuer,
        client_id: &provider.client_id,
        nonce: shown.nonce,
        access_token: &tokens.access_token,
    };
    let mut found = claims.check(&header, &expected, now).map_err(Fault::Unsound)?;
    if !found.address.is_told() {
        found.address = user_info(directory, provider, metadata, &tokens, &found.subject).await?;
    }
    Ok(found)
}

fn token_request(directory: &Directory, provider: &Provider, metadata: &Metadata, shown: &Shown<'_>) -> RequestBuilder {
    let request = directory.outbound.post(metadata.token_endpoint.clone());
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", shown.code),
        ("redirect_uri", shown.redirect_uri),
        ("code_verifier", shown.verifier),
    ];
    let secret = shown.client_secret.expose_secret();
    match metadata.authentication {
        // Form-encoded within (RFC 6749 §2.3.1).
        Authentication::Basic => request.basic_auth(encoded(&provider.client_id), Some(encoded(secret))).form(&form),
        Authentication::Post => {
            form.extend([("client_id", provider.client_id.as_str()), ("client_secret", secret)]);
            request.form(&form)
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What UserInfo says of the address of the same person; nothing where there is none.
async fn user_info(
    directory: &Directory,
    provider: &Provider,
    metadata: &Metadata,
    tokens: &Tokens,
    subject: &str,
) -> Result<Address, Fault> {
    let bearer = tokens.token_type.eq_ignore_ascii_case("Bearer");
    let Some(endpoint) = metadata.userinfo_endpoint.clone().filter(|_| bearer) else { return Ok(Address::default()) };
    let request = directory.outbound.get(endpoint).bearer_auth(&tokens.access_token);
    let told: UserInfo = directory.outbound.send(provider.tenant_id, request).await?;
    // Another's address must not be put in the place of theirs (OpenID Connect Core §5.3.2).
    if told.sub == subject { Ok(told.address) } else { Err(Fault::Unsound("its UserInfo is of somebody else")) }
}
