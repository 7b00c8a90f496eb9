//! Metadata of a provider (OpenID Connect Discovery §3, RFC 8414 §2): where are its endpoints, and how does it want us
//! to show who we are?

use super::{address::Reach, outbound::Fault};
use reqwest::Url;
use serde::Deserialize;

/// What we read of it.
#[derive(Deserialize)]
pub struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: Option<bool>,
}

/// Metadata that was checked.
#[derive(Debug)]
pub struct Metadata {
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    pub authentication: Authentication,
    /// Every answer says who gives it (RFC 9207 §3).
    pub names_itself: bool,
}

/// How we show who we are at the token endpoint (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    Basic,
    Post,
}

/// Where it is (Discovery §4.1); a slash at the issuer's end is not doubled.
pub fn address(reach: Reach, issuer: &str) -> Result<Url, Fault> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    reach.issuer(issuer).ok().and_then(|_| Url::parse(&address).ok()).ok_or(Fault::Unsound("its issuer is no address"))
}

impl Document {
    /// It must be of this very issuer, or one provider could speak for another (Discovery §4.3).
    pub fn check(self, issuer: &str, reach: Reach) -> Result<Metadata, Fault> {
        if self.issuer != issuer {
            return Err(Fault::Unsound("its metadata is of another issuer"));
        }
        let endpoint = |text: &str| {
            reach.endpoint(text).map_err(|_| Fault::Unsound("its metadata has an endpoint that may not be called"))
        };
        Ok(Metadata {
            authorization_endpoint: endpoint(&self.authorization_endpoint)?,
            token_endpoint: endpoint(&self.token_endpoint)?,
            jwks_uri: endpoint(&self.jwks_uri)?,
            userinfo_endpoint: self.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
            authentication: Authentication::of(self.token_endpoint_auth_methods_supported.as_deref())?,
            names_itself: self.authorization_response_iss_parameter_supported == Some(true),
        })
    }
}

impl Authentication {
    fn of(supported: Option<&[String]>) -> Result<Self, Fault> {
        // Absent means Basic (Discovery §3).
        let Some(supported) = supported else { return Ok(Self::Basic) };
        let has = |method: &str| supported.iter().any(|supported| supported == method);
        match (has("client_secret_basic"), has("client_secret_post")) {
            (true, _) => Ok(Self::Basic),
            (false, true) => Ok(Self::Post),
            (false, false) => Err(Fault::Unsound("it takes no client secret")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://login.example.com/acme";

    fn check(changes: Value) -> Result<Metadata, String> {
        let mut document = json!({"issuer": ISSUER, "authorization_endpoint": "https://login.example.com/authorize",
            "token_endpoint": "https://api.example.com/token", "jwks_uri": "https://api.example.com/keys"});
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        let document: Document = serde_json::from_value(document).unwrap();
        document.check(ISSUER, Reach::Public).map_err(|fault| fault.to_string())
    }

    #[test]
    fn metadata_is_of_its_issuer_and_of_public_endpoints() {
        assert!(check(json!({})).is_ok());
        for changes in [
            json!({"issuer": "https://login.example.com/acme/"}),
            json!({"issuer": "https://login.example.com"}),
            json!({"authorization_endpoint": "http://login.example.com/authorize"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"token_endpoint": "https://127.0.0.1/token"}),
            json!({"jwks_uri": "https://metadata/keys"}),
            json!({"userinfo_endpoint": "https://169.254.169.254/"}),
            json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
        ] {
            assert!(check(changes.clone()).is_err(), "{changes}");
        }
    }

    #[test]
    fn the_secret_is_shown_as_the_provider_wants_it() {
        let of =
            |methods: Value| check(json!({"token_endpoint_auth_methods_supported": methods})).unwrap().authentication;
        assert_eq!(check(json!({})).unwrap().authentication, Authentication::Basic);
        assert_eq!(of(json!(["client_secret_post", "client_secret_basic"])), Authentication::Basic);
        assert_eq!(of(json!(["private_key_jwt", "client_secret_post"])), Authentication::Post);
    }

    #[test]
    fn metadata_lies_below_the_issuer() {
        let wanted = "https://login.example.com/acme/.well-known/openid-configuration";
        for issuer in [ISSUER, "https://login.example.com/acme/"] {
            assert_eq!(address(Reach::Public, issuer).unwrap().as_str(), wanted);
        }
        assert!(address(Reach::Public, "https://10.0.0.1").is_err());
    }
}
