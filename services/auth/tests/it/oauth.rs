//! The authorization server and OpenID provider. Each test names the clause that it holds; `docs/security.md` has the
//! table.

mod access;
mod authorization;
mod clients;
mod ending;
mod tokens;

use crate::support::{Account, PASSWORD, PUBLIC_URL, World, text};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use test_support::TestAnswer;

pub const CALLBACK: &str = "https://app.test/signed-in";
/// The example of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SCOPE: &str = "openid profile email offline_access auth.readMembers";

/// auth with an app of Ada's tenant, and the browser in which she uses it.
pub struct Provider {
    pub world: World,
    pub ada: Account,
    /// Of Ada's own log-in.
    pub token: String,
    pub client: String,
    pub secret: String,
}

impl Provider {
    pub async fn start() -> Self {
        Self::of(World::start().await).await
    }

    pub async fn of(world: World) -> Self {
        let (ada, token) = world
            .signed_in("ada@acme.test", "Acme", &["auth.readMembers", "auth.readClients", "auth.writeClients"])
            .await;
        let mut provider = Self { world, ada, token, client: String::new(), secret: String::new() };
        let made = provider.register(json!({})).await;
        provider.client = text(&made["client"], "id").to_owned();
        provider.secret = text(&made["secret"], "secret").to_owned();
        provider
    }

    /// Another app of Ada's tenant.
    pub async fn register(&self, changes: Value) -> Value {
        let mut body = json!({"name": "Planner", "redirect_uris": [CALLBACK], "scope": SCOPE,
            "post_logout_redirect_uris": ["https://app.test/bye"]});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.world.server.post("/v1/clients", &body).bearer(&self.token).await.expect(201)
    }

    /// The address to which the app sends people; an empty value leaves a parameter out.
    pub fn address(&self, changes: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut query = BTreeMap::from([
            ("client_id", self.client.as_str()),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", SCOPE),
            ("state", "st&te"),
            ("nonce", "n0nce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        query.extend(changes.iter().copied());
        query.retain(|_, value| !value.is_empty());
        let url = reqwest::Url::parse_with_params("https://x/v1/oauth/authorize", query).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    pub async fn get(&self, browser: &Browser, address: &str) -> TestAnswer {
        let answer = self.world.server.get(address).header("cookie", &browser.0).header("accept", "text/html").await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text);
        answer
    }

    /// Sends a form of our own page.
    pub async fn submit(&self, browser: &Browser, path: &str, form: &[(&str, &str)]) -> TestAnswer {
        let request = self.world.server.post_form(path, form).header("cookie", &browser.0);
        request.header("sec-fetch-site", "same-origin").header("accept", "text/html").await
    }

    /// Ada gives her password on the page; her browser goes on to the next one.
    pub async fn sign_in(&self, browser: &mut Browser, page: &TestAnswer) -> TestAnswer {
        let form = [("request_uri", &*hidden(page)), ("email", &*self.ada.email), ("password", PASSWORD)];
        let answer = self.submit(browser, "/v1/oauth/sign-in", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser.keep(&answer);
        let next = answer.header("location").unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
        self.get(browser, &next).await
    }

    /// Ada agrees on the page.
    pub async fn allow(&self, browser: &Browser, page: &TestAnswer) -> TestAnswer {
        let tenant = self.ada.tenant.to_string();
        let form = [("request_uri", &*hidden(page)), ("tenant_id", &*tenant), ("decision", "allow")];
        self.submit(browser, "/v1/oauth/consent", &form).await
    }

    /// From the app to our pages and back, with a code.
    pub async fn code(&self, browser: &mut Browser, changes: &[(&str, &str)]) -> String {
        let page = self.get(browser, &self.address(changes)).await;
        let page = self.sign_in(browser, &page).await;
        let page = if page.status == 200 { self.allow(browser, &page).await } else { page };
        led_back(&page)["code"].clone()
    }

    pub async fn ask(&self, form: &[(&str, &str)]) -> TestAnswer {
        let own = [("client_id", self.client.as_str()), ("client_secret", self.secret.as_str())];
        self.world.server.post_form("/v1/oauth/token", &[&own[..], form].concat()).await
    }

    pub async fn exchange(&self, code: &str) -> TestAnswer {
        let grant = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        self.ask(&[&grant[..], &[("code", code)]].concat()).await
    }

    /// What the app has of Ada.
    pub async fn tokens(&self) -> Value {
        let code = self.code(&mut Browser::default(), &[]).await;
        self.exchange(&code).await.expect(200)
    }

    pub async fn refresh(&self, token: &str) -> TestAnswer {
        self.ask(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub async fn userinfo(&self, tokens: &Value) -> TestAnswer {
        self.world.server.get("/v1/oauth/userinfo").bearer(text(tokens, "access_token")).await
    }
}

/// The cookies that somebody's browser has.
#[derive(Default)]
pub struct Browser(String);

impl Browser {
    pub fn keep(&mut self, answer: &TestAnswer) {
        let cookie = answer.header("set-cookie").expect("a cookie");
        for part in ["__Host-sign_in=", "Path=/;", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        self.0 = cookie.split(';').next().unwrap().to_owned();
    }
}

/// The sealed request in a form of a page.
pub fn hidden(page: &TestAnswer) -> String {
    assert_eq!(page.status, 200, "{}", page.text);
    value(page, "request_uri")
}

/// What a field of a form holds.
pub fn value(page: &TestAnswer, field: &str) -> String {
    let start = format!("name=\"{field}\" value=\"");
    let (_, rest) = page.text.split_once(&start).unwrap_or_else(|| panic!("{}", page.text));
    rest.split('"').next().unwrap().to_owned()
}

/// What a token says.
pub fn claims(token: &Value) -> Value {
    let token = token.as_str().unwrap_or_else(|| panic!("no token in {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// What the app's address was called with.
pub fn led_back(answer: &TestAnswer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(&format!("{CALLBACK}?")), "{location}");
    reqwest::Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

/// The refusal of an OAuth endpoint (RFC 6749 §5.2).
#[track_caller]
pub fn refused(answer: &TestAnswer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.json["error"].as_str()), (status, Some(error)), "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
}
