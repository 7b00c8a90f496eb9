//! Authorization requests (OAuth 2.1 §4.1.1, OpenID Connect Core §3.1.2.1), read and checked.
//!
//! A checked request travels sealed: in the forms of our pages, and as the `request_uri` of a pushed request
//! (RFC 9126). So nothing is stored for what strangers ask, and nobody can change what was checked.

use super::{
    audience::Audiences,
    error::{Code, OAuthError},
    scope::Scopes,
    store::OAuthClient,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use common::{ambient::Ambient, problem::Problem, sealing::Sealer};
use contracts::id::ClientId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A person has found their password by then.
pub const SEALED_FOR: TimeDelta = TimeDelta::minutes(30);
/// A pushed request is used at once (RFC 9126 §2.2).
pub const PUSHED_FOR: TimeDelta = TimeDelta::seconds(90);
/// RFC 9126 §2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// What else is sealed under the same key opens nothing here.
const CONTEXT: &[u8] = b"authorization request";
/// `state` and `nonce` are 128 random bits to most; some put more into them.
const LONGEST: usize = 1000;
/// SHA-256 in base64url without padding (RFC 7636 §4.2).
const CHALLENGE: usize = 43;

/// Parameters of an authorization request, as they come. What is not known is ignored (RFC 6749 §3.1).
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// The app's id.
    pub client_id: Option<ClientId>,
    /// `code`.
    #[param(example = "code")]
    pub response_type: Option<String>,
    /// One of the app's registered addresses.
    #[param(example = "https://app.example.com/signed-in")]
    pub redirect_uri: Option<String>,
    /// What the app asks for, separated by spaces.
    #[param(example = "openid email")]
    pub scope: Option<String>,
    /// Given back with the answer.
    pub state: Option<String>,
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// SHA-256 of the code verifier in base64url (RFC 7636).
    pub code_challenge: Option<String>,
    /// `S256`.
    #[param(example = "S256")]
    pub code_challenge_method: Option<String>,
    /// For which resource the token is to be: a product's audience. Absent means the platform (RFC 8707).
    pub resource: Option<String>,
    /// `query`.
    pub response_mode: Option<String>,
    /// `none`, or `login`, `consent` and `select_account`, separated by spaces.
    pub prompt: Option<String>,
    /// Seconds since the person has given their password, at most.
    pub max_age: Option<String>,
    /// The address that the person probably signs in with.
    pub login_hint: Option<String>,
    /// Of a request that was pushed before (RFC 9126).
    pub request_uri: Option<String>,
    /// Not supported.
    pub request: Option<String>,
}

/// What a request says of pages (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
}

/// A checked request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub client_id: ClientId,
    pub redirect_uri: String,
    pub state: Option<String>,
    scope: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub prompt: Prompt,
    pub max_age: Option<i64>,
    pub login_hint: Option<String>,
    pub audience: String,
    /// Seconds since 1970.
    pub asked_at: i64,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    asked: Asked,
    until: i64,
}

impl Asked {
    pub fn scopes(&self) -> Scopes {
        self.scope.parse().unwrap_or_default()
    }

    /// Checks all but the client and where its answers go, which must be right before anything is sent there.
    pub fn read(
        parameters: Parameters,
        client: &OAuthClient,
        redirect_uri: String,
        audiences: &Audiences,
        now: DateTime<Utc>,
    ) -> Result<Self, OAuthError> {
        let refuse = |error, description| Err(OAuthError::new(error, description));
        match parameters.response_type.as_deref() {
            Some("code") => {}
            Some(_) => return refuse(Code::UnsupportedResponseType, "response_type must be code."),
            None => return refuse(Code::InvalidRequest, "response_type is required."),
        }
        if parameters.response_mode.is_some_and(|mode| mode != "query") {
            return refuse(Code::InvalidRequest, "response_mode must be query.");
        }
        if parameters.code_challenge_method.as_deref() != Some("S256") {
            return refuse(Code::InvalidRequest, "code_challenge_method must be S256.");
        }
        let code_challenge = match parameters.code_challenge {
            Some(challenge) if is_challenge(&challenge) => challenge,
            _ => return refuse(Code::InvalidRequest, "code_challenge is required: 43 characters of base64url."),
        };
        if [&parameters.state, &parameters.nonce, &parameters.login_hint]
            .into_iter()
            .flatten()
            .any(|text| text.len() > LONGEST || text.contains('\0'))
        {
            return refuse(Code::InvalidRequest, "state, nonce and login_hint must be at most 1000 characters.");
        }
        let Ok(scopes) = parameters.scope.as_deref().unwrap_or_default().parse::<Scopes>() else {
            return refuse(Code::InvalidScope, "scope names something that does not exist.");
        };
        if !client.scopes.contains_all(&scopes) {
            return refuse(Code::InvalidScope, "scope names something that this client may not ask for.");
        }
        let Some(audience) = audiences.of_resource(parameters.resource.as_deref()) else {
            return refuse(Code::InvalidTarget, "There is no such resource.");
        };
        let Some(prompt) = Prompt::read(parameters.prompt.as_deref().unwrap_or_default()) else {
            return refuse(Code::InvalidRequest, "prompt is not understood, or none stands beside others.");
        };
        let max_age = match parameters.max_age.map(|age| age.parse::<u32>()) {
            None => None,
            Some(Ok(seconds)) => Some(i64::from(seconds)),
            Some(Err(_)) => return refuse(Code::InvalidRequest, "max_age must be a number of seconds."),
        };
        Ok(Self {
            client_id: client.id,
            redirect_uri,
            state: parameters.state,
            scope: scopes.to_string(),
            nonce: parameters.nonce,
            code_challenge,
            prompt,
            max_age,
            login_hint: parameters.login_hint,
            audience,
            asked_at: now.timestamp(),
        })
    }

    /// Whether the password was given late enough for this request.
    pub fn is_met_by(&self, authenticated_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let since = authenticated_at.timestamp();
        since >= self.asked_at || !self.prompt.login && self.max_age.is_none_or(|most| now.timestamp() - since <= most)
    }
}

impl Prompt {
    fn read(text: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                // To choose an account is to sign in to it.
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => return None,
            }
        }
        (!prompt.none || prompt == Self { none: true, ..Self::default() }).then_some(prompt)
    }
}

/// Seals and opens requests; cheap to clone.
#[derive(Clone)]
pub struct RequestUris(Sealer);

impl RequestUris {
    pub fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    pub fn seal(&self, ambient: &Ambient, asked: &Asked, lifetime: TimeDelta) -> String {
        let sealed = Sealed { asked: asked.clone(), until: (ambient.now() + lifetime).timestamp() };
        let plain = serde_json::to_vec(&sealed).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.seal(ambient, CONTEXT, &plain)))
    }

    /// `None` for what is no request of ours, or has become too old.
    pub fn open(&self, text: &str, now: DateTime<Utc>) -> Option<Asked> {
        let sealed = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let sealed: Sealed = serde_json::from_slice(&self.0.open(CONTEXT, &sealed).ok()?).ok()?;
        (now.timestamp() <= sealed.until).then_some(sealed.asked)
    }
}

/// Shown to the person, as nobody knows which app it was.
pub fn unsound(detail: &str) -> Problem {
    Problem::bad_request("authorization_request_invalid", detail)
}

fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE && URL_SAFE_NO_PAD.decode(text).is_ok()
}
