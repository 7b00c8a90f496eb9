//! ID tokens that are not what was asked for (OpenID Connect Core §3.1.3.7, RFC 8725).

use super::{
    BACK, Globex, Jar, asked,
    provider::{ACCESS_TOKEN, Answer, Liar, at_hash, unsigned},
    refused,
};
use serde_json::{Value, json};

const UNSIGNED: &str = "not signed as it must be";

#[tokio::test]
async fn what_the_token_says_is_compared_with_what_was_asked() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let now = globex.world.clock.now().timestamp();
    for (changes, fault) in [
        (json!({"iss": "https://evil.test"}), "of another issuer"),
        (json!({"aud": "them"}), "for another client"),
        (json!({"aud": ["us", "them"]}), "for another client"),
        (json!({"aud": null}), "not signed by one of its keys"),
        (json!({"azp": "them"}), "issued to another client"),
        (json!({"nonce": "another"}), "of another sign-in"),
        (json!({"nonce": null}), "of another sign-in"),
        (json!({"exp": now - 60}), "has expired"),
        (json!({"iat": now + 120}), "of the future"),
        (json!({"iat": now - 3600}), "too old"),
        (json!({"sub": ""}), "empty or too long"),
        (json!({"sub": "x".repeat(256)}), "empty or too long"),
        (json!({"at_hash": at_hash("another token")}), "of another access token"),
    ] {
        let answer = globex.lie(&mut Jar::default(), &liar, provider, changes.clone()).await;
        refused(&answer, 502, fault);
        assert!(answer.headers.get("set-cookie").is_none(), "{changes}");
    }
    assert_eq!(globex.world.count("identities").await, 0);
    let sound = json!({"aud": ["us"], "azp": "us", "at_hash": at_hash(ACCESS_TOKEN)});
    globex.session(&liar, provider, sound).await;
}

/// RFC 8725 §3.1, §3.2: the token does not choose how it is verified.
#[tokio::test]
async fn a_token_is_signed_by_the_provider() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let mut jar = Jar::default();
    let question = asked(&globex.begin(&mut jar, provider).await);
    let claims = liar.claims(&globex.world, &question, json!({}));
    let stranger = Liar::start().await;
    let mut tampered = liar.signed(&claims);
    tampered.replace_range(
        ..tampered.find('.').unwrap(),
        &unsigned(&json!({"alg": "EdDSA", "kid": "odd"}), &json!({}))[..37],
    );
    for (id_token, fault) in [
        (unsigned(&json!({"alg": "none"}), &claims), UNSIGNED),
        (unsigned(&json!({"alg": "None", "kid": "key"}), &claims), UNSIGNED),
        (unsigned(&json!({"alg": "EdDSA", "kid": "key"}), &claims), "not signed by one of its keys"),
        (liar.signed_by_hmac(&claims), UNSIGNED),
        (stranger.signed(&claims), "not signed by one of its keys"),
        (tampered, ""),
        ("x".repeat(40_000), UNSIGNED),
        (String::new(), UNSIGNED),
    ] {
        liar.hand_out(&id_token);
        let answer = globex.come_back(&mut jar, provider, &[("code", "c0de"), ("state", &question["state"])]).await;
        refused(&answer, 502, fault);
    }
    // None of that has used the sign-in up.
    liar.hand_out(&liar.signed(&claims));
    let answer = globex.come_back(&mut jar, provider, &[("code", "c0de"), ("state", &question["state"])]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(BACK)), "{}", answer.text);
}

/// RFC 6749 §2.3.1, RFC 7636 §4.5: what the provider is shown.
#[tokio::test]
async fn the_provider_is_shown_who_asks_and_the_verifier() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let body = json!({"name": "Staff", "issuer": liar.issuer, "client_id": "us:and/them", "client_secret": "a b&c"});
    globex.put(provider, &body).await.expect(200);
    globex.session(&liar, provider, json!({})).await;
    let (by, form) = liar.heard("/token").pop().unwrap();
    // `us%3Aand%2Fthem:a%20b%26c`
    assert_eq!(by, "Basic dXMlM0FhbmQlMkZ0aGVtOmElMjBiJTI2Yw==");
    assert!(form.starts_with("grant_type=authorization_code&code=c0de&redirect_uri=http"), "{form}");
    let verifier = form.split("code_verifier=").nth(1).unwrap();
    let mut metadata = liar.metadata();
    metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    liar.answer(super::provider::DISCOVERY, Answer::Json(metadata));
    globex.put(provider, &body).await.expect(200);
    let question = asked(&globex.begin(&mut Jar::default(), provider).await);
    assert!(question["code_challenge"] != verifier && question["p"] == "1", "{question:?}");
    globex.session(&liar, provider, json!({})).await;
    let (by, form) = liar.heard("/token").pop().unwrap();
    assert!(by.is_empty() && form.ends_with("&client_id=us%3Aand%2Fthem&client_secret=a+b%26c"), "{form}");
}

/// OpenID Connect Core §5.3.2: where the ID token has no address, UserInfo has, of the same person.
#[tokio::test]
async fn an_address_may_come_from_userinfo() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let without = || json!({"email": null, "email_verified": null});
    let told = |sub: &str, verified: Value| {
        let told = json!({"sub": sub, "email": "ada@acme.test", "email_verified": verified});
        liar.answer("/userinfo", Answer::Json(told));
    };
    told("somebody else", json!(true));
    refused(&globex.lie(&mut Jar::default(), &liar, provider, without()).await, 502, "UserInfo is of somebody else");
    told("ada-at-liar", json!("true"));
    refused(&globex.lie(&mut Jar::default(), &liar, provider, without()).await, 403, "has verified your e-mail");
    told("ada-at-liar", json!(true));
    globex.session(&liar, provider, without()).await;
    assert_eq!(liar.heard("/userinfo").pop().unwrap().0, format!("Bearer {ACCESS_TOKEN}"));
}
