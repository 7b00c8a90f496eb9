//! Idempotency keys: whose is one, and what is derived from it? The table has only what is derived, so who reads the
//! table learns neither keys nor answers nor what was asked.

use access::{Allowed, Authenticated};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hkdf::{HKDF_SHA256, Prk, Salt},
};
use axum::http::{HeaderMap, Method, Uri};
use common::{http::IDEMPOTENCY_KEY, openapi::KEY_LENGTH, problem::Problem, sealing::Sealer};
use contracts::id::{Principal, TenantId};
use secrecy::{ExposeSecret, SecretString};

/// Whose keys: the same key of another caller is another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A principal in the tenant that it acts in.
    Caller(TenantId, Principal),
    /// Anybody, at one address: who has the key and the body of a request gets its answer.
    Public,
}

impl Scope {
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Caller(tenant, _) => Some(*tenant),
            Self::Public => None,
        }
    }
}

impl<P> From<&Allowed<P>> for Scope {
    fn from(caller: &Allowed<P>) -> Self {
        Self::Caller(caller.tenant, caller.principal.clone())
    }
}

impl From<&Authenticated> for Scope {
    fn from(caller: &Authenticated) -> Self {
        Self::Caller(caller.tenant, caller.principal.clone())
    }
}

/// A request with a key.
pub(crate) struct Keyed {
    key: SecretString,
    /// Method and path: a public key counts at one address.
    address: String,
    /// SHA-256 of method, path, query and body.
    digest: Vec<u8>,
}

/// What the table knows of a request, and what opens its answer.
pub(crate) struct Derived {
    pub key_hash: [u8; 32],
    pub fingerprint: [u8; 32],
    pub sealer: Sealer,
}

/// The key of a request, if it has one. Quotation marks, as in draft-ietf-httpapi-idempotency-key-header-07 §2.1, are
/// part of it.
pub(crate) fn read(headers: &HeaderMap) -> Result<Option<SecretString>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let bytes = key.as_bytes();
    match key.to_str() {
        Ok(key)
            if given.next().is_none()
                && KEY_LENGTH.contains(&bytes.len())
                && bytes.iter().all(u8::is_ascii_graphic) =>
        {
            Ok(Some(key.to_owned().into()))
        }
        _ => Err(Problem::bad_request(
            "idempotency_key_malformed",
            format!(
                "The Idempotency-Key must be one value of {} to {} visible ASCII characters, such as a new UUID.",
                KEY_LENGTH.start(),
                KEY_LENGTH.end()
            ),
        )),
    }
}

impl Keyed {
    pub fn new(key: SecretString, method: &Method, uri: &Uri, body: &[u8]) -> Self {
        let address = format!("{method} {}", uri.path());
        // No part of these but the body can have a line break.
        let request = [address.as_bytes(), b"\n", uri.query().unwrap_or_default().as_bytes(), b"\n", body].concat();
        Self { key, address, digest: digest(&SHA256, &request).as_ref().to_vec() }
    }

    /// By HKDF (RFC 5869), the scope as its salt; what is derived for one use tells nothing about the others.
    pub fn derive(&self, scope: &Scope) -> Derived {
        let salt = match scope {
            Scope::Caller(tenant, principal) => format!("caller {tenant} {principal}"),
            Scope::Public => format!("public {}", self.address),
        };
        let secret = Salt::new(HKDF_SHA256, salt.as_bytes()).extract(self.key.expose_secret().as_bytes());
        Derived {
            key_hash: expand(&secret, &[b"key hash"]),
            fingerprint: expand(&secret, &[b"fingerprint", &self.digest]),
            sealer: Sealer::new(&expand(&secret, &[b"answer"])),
        }
    }
}

fn expand(secret: &Prk, info: &[&[u8]]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let expanded = secret.expand(info, HKDF_SHA256).and_then(|expanded| expanded.fill(&mut bytes));
    expanded.expect("a key of one block can always be derived");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use contracts::id::UserId;

    fn headers(keys: &[&str]) -> HeaderMap {
        keys.iter().map(|key| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(key.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn a_key_is_one_value_that_cannot_be_guessed() {
        assert!(read(&headers(&[])).unwrap().is_none());
        let long = "x".repeat(256);
        for malformed in [&["short"][..], &["with spaces in it"], &["ünbekanntes-zeichen"], &[&long], &["", ""]] {
            assert_eq!(read(&headers(malformed)).unwrap_err().code, "idempotency_key_malformed", "{malformed:?}");
        }
        let twice = ["8e03978e-40d5-43dd-bc93-6894a57f9324"; 2];
        assert!(read(&headers(&twice)).is_err() && read(&headers(&twice[..1])).unwrap().is_some());
        assert!(read(&headers(&["\"8e03978e-40d5-43dd\""])).unwrap().is_some());
    }

    #[test]
    fn whose_it_is_and_what_was_asked_are_told_apart() {
        let keyed = |method, uri: &'static str, body: &str| {
            Keyed::new("a key of somebody".to_owned().into(), &method, &Uri::from_static(uri), body.as_bytes())
        };
        let user = |tenant| {
            let (tenant, user) = (TenantId(uuid(tenant)), Principal::User(UserId(uuid(9))));
            Scope::Caller(tenant, user)
        };
        let first = keyed(Method::POST, "/v1/a?x=1", "body").derive(&user(1));
        for other in [
            keyed(Method::PUT, "/v1/a?x=1", "body"),
            keyed(Method::POST, "/v1/b?x=1", "body"),
            keyed(Method::POST, "/v1/a?x=2", "body"),
            keyed(Method::POST, "/v1/a?x=1", "Body"),
        ] {
            let other = other.derive(&user(1));
            assert!(other.key_hash == first.key_hash && other.fingerprint != first.fingerprint);
        }
        let elsewhere = keyed(Method::POST, "/v1/a?x=1", "body").derive(&user(2));
        assert!(elsewhere.key_hash != first.key_hash && elsewhere.fingerprint != first.fingerprint);
        let public = |uri| keyed(Method::POST, uri, "body").derive(&Scope::Public).key_hash;
        assert!(public("/v1/a") != public("/v1/b") && public("/v1/a") != first.key_hash);
    }

    fn uuid(number: u8) -> uuid::Uuid {
        uuid::Uuid::from_bytes([number; 16])
    }
}
