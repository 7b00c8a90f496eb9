//! Sign-in at the OpenID provider of a tenant: our own service is the provider of another tenant, and a small one that
//! lies is that of an attacker.

mod configuring;
mod ending;
mod ours;
mod personal;
mod provider;
mod refusals;
mod tokens;
mod unreachable;

use crate::support::{Account, ITSELF, PASSWORD, World, id, text};
use provider::Liar;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use test_support::TestAnswer;
use uuid::Uuid;

const PROVIDERS: &str = "/v1/identity-providers";
/// A page of a frontend.
const BACK: &str = "https://app.test/signed-in?from=idp";
const OWNER: [&str; 5] = [
    "auth.inviteMembers",
    "auth.readIdentityProviders",
    "auth.readMembers",
    "auth.writeIdentityProviders",
    "auth.writeMembers",
];

/// Globex, whose owner is Olga, and whose member is Ada. She has a tenant of her own, Acme.
pub struct Globex {
    pub world: World,
    pub olga: Account,
    /// Olga's.
    pub token: String,
    /// As a member of Globex.
    pub ada: Account,
    pub acme: Account,
}

/// The cookies of somebody's browser, whatever their paths.
#[derive(Clone, Default)]
pub struct Jar(BTreeMap<String, String>);

impl Globex {
    pub async fn open() -> Self {
        let variables = [("PUBLIC_URL", ITSELF.to_owned()), ("CORS_ORIGINS", "https://app.test".to_owned())];
        Self::of(World::with(&variables).await).await
    }

    pub async fn of(world: World) -> Self {
        world.platform.issuer.define_role("owner", &OWNER);
        let (olga, token) = world.signed_in("olga@globex.test", "Globex", &OWNER).await;
        let acme = world.account("ada@acme.test", "Acme").await;
        let ada = world.joins(&olga, &token, "ada@acme.test").await;
        Self { world, olga, token, ada, acme }
    }

    /// A provider of Globex.
    pub async fn provider(&self, issuer: &str, client_id: &str, client_secret: &str) -> Uuid {
        let body = configuration(issuer, client_id, client_secret);
        id(&self.world.server.post(PROVIDERS, &body).bearer(&self.token).await.expect(201)["id"])
    }

    /// Globex with a provider that says whatever a test has it say.
    pub async fn with_liar() -> (Self, Liar, Uuid) {
        let (globex, liar) = (Self::open().await, Liar::start().await);
        let provider = globex.provider(&liar.issuer, "us", "s3cret").await;
        (globex, liar, provider)
    }

    pub async fn put(&self, provider: Uuid, body: &Value) -> TestAnswer {
        let request = self.world.server.put(&format!("{PROVIDERS}/{provider}"), body).bearer(&self.token);
        request.header("if-match", "*").await
    }

    /// A link of the frontend to the provider.
    pub async fn begin(&self, jar: &mut Jar, provider: Uuid) -> TestAnswer {
        let query = reqwest::Url::parse_with_params("https://x", [("return_to", BACK)]).unwrap();
        let path = format!("{PROVIDERS}/{provider}/sign-in?{}", query.query().unwrap());
        self.open_page(jar, &path, "same-site").await
    }

    /// A page that a browser opens.
    pub async fn open_page(&self, jar: &mut Jar, path: &str, from: &str) -> TestAnswer {
        let request = self.world.server.get(path).header("cookie", &jar.line()).header("accept", "text/html");
        let answer = request.header("sec-fetch-site", from).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text);
        jar.keep(&answer);
        answer
    }

    pub async fn submit(&self, jar: &mut Jar, path: &str, form: &[(&str, &str)]) -> TestAnswer {
        let request = self.world.server.post_form(path, form).header("cookie", &jar.line());
        let answer = request.header("sec-fetch-site", "same-origin").header("accept", "text/html").await;
        jar.keep(&answer);
        answer
    }

    /// The provider leads the browser back.
    pub async fn come_back(&self, jar: &mut Jar, provider: Uuid, query: &[(&str, &str)]) -> TestAnswer {
        let url = reqwest::Url::parse_with_params("https://x", query).unwrap();
        let path = format!("{PROVIDERS}/{provider}/callback?{}", url.query().unwrap());
        self.open_page(jar, &path, "cross-site").await
    }

    /// Begins, lets the liar say `claims`, and comes back.
    pub async fn lie(&self, jar: &mut Jar, liar: &Liar, provider: Uuid, claims: Value) -> TestAnswer {
        let asked = asked(&self.begin(jar, provider).await);
        liar.say(&self.world, &asked, claims);
        self.come_back(jar, provider, &[("code", "c0de"), ("state", &asked["state"])]).await
    }

    /// Ada's session by the liar's word.
    pub async fn session(&self, liar: &Liar, provider: Uuid, claims: Value) -> Value {
        let mut jar = Jar::default();
        let answer = self.lie(&mut jar, liar, provider, claims).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(BACK)), "{}", answer.text);
        self.refresh(&jar).await.expect(200)
    }

    /// As the frontend does then.
    pub async fn refresh(&self, jar: &Jar) -> TestAnswer {
        let request = self.world.server.request(reqwest::Method::POST, "/v1/sessions/refresh");
        request.header("cookie", &jar.line()).await
    }
}

impl Jar {
    pub fn keep(&mut self, answer: &TestAnswer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    pub fn line(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

pub fn configuration(issuer: &str, client_id: &str, client_secret: &str) -> Value {
    json!({"name": "Staff", "issuer": issuer, "client_id": client_id, "client_secret": client_secret})
}

/// What a provider is asked.
#[track_caller]
pub fn asked(answer: &TestAnswer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let location = reqwest::Url::parse(answer.header("location").unwrap()).unwrap();
    location.query_pairs().into_owned().collect()
}

/// A refusal on a page, with its sentence.
#[track_caller]
pub fn refused(answer: &TestAnswer, status: u16, sentence: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{}", answer.text);
    let text = answer.text.replace("&#x27;", "'").replace("&quot;", "\"");
    assert!(text.contains(sentence), "{text}");
}

pub fn token(session: &Value) -> &str {
    text(session, "access_token")
}

pub fn password() -> Value {
    json!({"password": PASSWORD})
}
