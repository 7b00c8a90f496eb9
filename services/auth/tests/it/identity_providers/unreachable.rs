//! Providers that are away, slow, too talkative, or where nobody may be called.

use super::{
    Globex, Jar, PROVIDERS, asked, configuration,
    provider::{Answer, DISCOVERY, Liar},
    refused,
};
use crate::support::World;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const AWAY: &str = "cannot be reached right now";

impl Globex {
    /// What a provider that serves this at its discovery comes to.
    async fn with_metadata(&self, liar: &Liar, answer: Answer) -> test_support::TestAnswer {
        liar.answer(DISCOVERY, answer);
        let provider = self.provider(&liar.issuer, "us", "s3cret").await;
        let begun = self.begin(&mut Jar::default(), provider).await;
        self.world.server.delete(&format!("{PROVIDERS}/{provider}")).bearer(&self.token).await.expect(204);
        begun
    }
}

#[tokio::test]
async fn metadata_that_is_not_sound_leads_nowhere() {
    let (globex, liar) = (Globex::open().await, Liar::start().await);
    let with = |field: &str, value: Value| {
        let mut metadata = liar.metadata();
        metadata[field] = value;
        Answer::Json(metadata)
    };
    for (answer, fault) in [
        (with("issuer", "https://evil.test".into()), "of another issuer"),
        (with("issuer", format!("{}/", liar.issuer).into()), "of another issuer"),
        (with("token_endpoint", "http://169.254.169.254/latest/".into()), "may not be called"),
        (with("token_endpoint", "http://10.0.0.1/token".into()), "may not be called"),
        (with("jwks_uri", "file:///etc/passwd".into()), "may not be called"),
        (with("authorization_endpoint", "javascript:alert(1)".into()), "may not be called"),
        (with("userinfo_endpoint", "https://user@login.example.com/".into()), "may not be called"),
        (with("token_endpoint_auth_methods_supported", json!(["none"])), "takes no client secret"),
        (with("jwks_uri", Value::Null), "not the JSON it must be"),
        (Answer::Huge, "too long"),
        (Answer::Redirect(format!("{}/elsewhere", liar.issuer)), "leads elsewhere"),
        (Answer::Status(404, json!({})), "refused what it was shown"),
    ] {
        refused(&globex.with_metadata(&liar, answer).await, 502, fault);
    }
    assert!(liar.heard("/elsewhere").is_empty(), "nobody is followed");
    refused(&globex.with_metadata(&liar, Answer::Status(500, json!({}))).await, 503, AWAY);
    liar.answer(DISCOVERY, Answer::Json(liar.metadata()));
}

/// While it is away nothing is used up: the page that the person is on works when it is back.
#[tokio::test]
async fn a_provider_that_was_away_is_asked_again() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let mut jar = Jar::default();
    let question = asked(&globex.begin(&mut jar, provider).await);
    let back = [("code", "c0de"), ("state", &*question["state"])];
    // Its keys are fetched first: while they cannot be, the code is not used up.
    liar.say(&globex.world, &question, json!({}));
    liar.answer("/keys", Answer::Huge);
    refused(&globex.come_back(&mut jar, provider, &back).await, 502, "too long");
    assert!(liar.heard("/token").is_empty());
    liar.publish();
    for answer in [Answer::Status(503, json!({})), Answer::Status(429, json!({}))] {
        liar.answer("/token", answer);
        let page = globex.come_back(&mut jar, provider, &back).await;
        refused(&page, 503, AWAY);
    }
    liar.answer("/token", Answer::Status(400, json!({"error": "invalid_grant"})));
    refused(&globex.come_back(&mut jar, provider, &back).await, 502, "(invalid_grant)");
    liar.say(&globex.world, &question, json!({}));
    assert_eq!(globex.come_back(&mut jar, provider, &back).await.status, 303);
    // Nobody is there at all.
    let nobody = globex.provider("http://127.0.0.1:1", "us", "s3cret").await;
    refused(&globex.begin(&mut Jar::default(), nobody).await, 503, AWAY);
}

/// One that never answers holds few calls, each for seconds, and no connection to the database.
#[tokio::test]
async fn a_slow_provider_is_in_nobodys_way() {
    let (globex, liar) = (Globex::open().await, Liar::start().await);
    liar.answer(DISCOVERY, Answer::Silence);
    let mut providers = Vec::new();
    for _ in 0..9 {
        providers.push(globex.provider(&liar.issuer, "us", "s3cret").await);
    }
    let began = Instant::now();
    let globex = &globex;
    let all = providers.iter().map(async |provider| {
        let page = globex.begin(&mut Jar::default(), *provider).await;
        refused(&page, 503, AWAY);
        began.elapsed()
    });
    let meanwhile = async {
        let asked = Instant::now();
        globex.world.server.get(PROVIDERS).bearer(&globex.token).await.expect(200);
        asked.elapsed()
    };
    let (waited, meanwhile) = tokio::join!(join_all(all), meanwhile);
    assert!(meanwhile < Duration::from_secs(3), "{meanwhile:?}");
    assert!(waited.iter().min() < Some(&Duration::from_secs(3)), "the ninth is told at once: {waited:?}");
    assert!(waited.iter().all(|waited| *waited < Duration::from_secs(9)), "{waited:?}");
}

/// As in production: auth is reached over TLS, so only public hosts are called, whatever their names lead to.
#[tokio::test]
async fn only_public_hosts_are_called() {
    let liar = Liar::start().await;
    let world = World::with(&[("CORS_ORIGINS", "https://app.test".into())]).await;
    let globex = Globex::of(world).await;
    let port = liar.issuer.rsplit(':').next().unwrap().to_owned();
    for issuer in
        [&*liar.issuer, &format!("https://127.0.0.1:{port}"), &format!("https://localhost:{port}"), "https://10.0.0.1"]
    {
        let body = configuration(issuer, "us", "s3cret");
        globex.world.server.post(PROVIDERS, &body).bearer(&globex.token).await.invalid(&["issuer"]);
    }
    // A name with dots that is this machine's all the same.
    let named = globex.provider(&format!("https://idp.localhost:{port}"), "us", "s3cret").await;
    refused(&globex.begin(&mut Jar::default(), named).await, 503, AWAY);
    assert!(liar.heard(DISCOVERY).is_empty());
}
