//! Who may say by which provider members sign in, and what of it is shown.

use super::{Globex, OWNER, PROVIDERS, asked, configuration, password};
use crate::support::{World, text};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

const ISSUER: &str = "https://login.example.com/globex";

fn sound() -> Value {
    configuration(ISSUER, "us", "s3cret")
}

async fn globex() -> Globex {
    Globex::of(World::start().await).await
}

#[tokio::test]
async fn a_provider_is_made_shown_and_edited_and_its_secret_never_shown() {
    let globex = globex().await;
    let server = &globex.world.server;
    let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
    let make = || server.post(PROVIDERS, &sound()).bearer(&globex.token).header("idempotency-key", key);
    let made = make().await;
    let id = text(&made.json, "id").to_owned();
    assert_eq!(made.header("location"), Some(&*format!("{PROVIDERS}/{id}")));
    made.assert_repeated_by(&make().await);
    let own = format!("https://auth.test{PROVIDERS}/{id}");
    assert_eq!(made.json["redirect_uri"], format!("{own}/callback"));
    assert_eq!(made.json["sign_in_uri"], format!("{own}/sign-in"));
    let path = format!("{PROVIDERS}/{id}");
    let shown = server.get(&path).bearer(&globex.token).await;
    assert_eq!((shown.header("etag"), &shown.json), (Some("\"1\""), &made.json));
    assert!(!shown.text.contains("s3cret") && !made.text.contains("s3cret"));
    let listed = server.get(PROVIDERS).bearer(&globex.token).await.expect(200);
    assert_eq!(listed["items"], json!([made.json]));

    let mut body = sound();
    body["name"] = "All staff".into();
    body.as_object_mut().unwrap().remove("client_secret");
    let edit = async |body: &Value, revision: &str| {
        server.put(&path, body).bearer(&globex.token).header("if-match", revision).await
    };
    let edited = edit(&body, "\"1\"").await;
    assert_eq!((edited.header("etag"), &edited.json["name"]), (Some("\"2\""), &json!("All staff")));
    edit(&body, "\"1\"").await.problem(412, "identity_provider_edited");
    // Whoever could name another address for a secret that they do not know would be sent it.
    for (field, value) in [("issuer", "https://login.evil.test"), ("client_id", "them")] {
        let mut other = body.clone();
        other[field] = value.into();
        edit(&other, "*").await.invalid(&["client_secret"]);
        other["client_secret"] = "another".into();
        edit(&other, "*").await.expect(200);
        edit(&sound(), "*").await.expect(200);
    }
    let mut nameless = sound();
    nameless.as_object_mut().unwrap().remove("client_secret");
    server.post(PROVIDERS, &nameless).bearer(&globex.token).await.invalid(&["client_secret"]);
    let wrong = configuration("https://user@login.example.com", "", "");
    server.post(PROVIDERS, &wrong).bearer(&globex.token).await.invalid(&["issuer", "client_id", "client_secret"]);
    for _ in 1..10 {
        server.post(PROVIDERS, &sound()).bearer(&globex.token).await.expect(201);
    }
    server.post(PROVIDERS, &sound()).bearer(&globex.token).await.problem(409, "too_many_identity_providers");
    assert_eq!(server.delete(&path).bearer(&globex.token).await.status, 204);
    assert_eq!(server.delete(&path).bearer(&globex.token).await.status, 204, "a repetition");
    server.get(&path).bearer(&globex.token).await.problem(404, "identity_provider_not_found");
    edit(&sound(), "*").await.problem(404, "identity_provider_not_found");
    server.post(PROVIDERS, &sound()).bearer(&globex.token).await.expect(201);
}

/// Whoever configures one can be anybody in the tenant.
#[tokio::test]
async fn who_lacks_what_an_owner_has_configures_none() {
    let globex = globex().await;
    let (world, server) = (&globex.world, &globex.world.server);
    let provider = globex.provider(ISSUER, "us", "s3cret").await;
    let path = format!("{PROVIDERS}/{provider}");
    let permissions = ["auth.readIdentityProviders", "auth.writeIdentityProviders"];
    world.allow(&globex.ada, &permissions).await;
    let log_in = json!({"email": globex.ada.email, "password": password()["password"], "tenant_id": globex.ada.tenant});
    let ada = text(&server.post("/v1/sessions", &log_in).await.expect(201), "access_token").to_owned();
    server.post(PROVIDERS, &sound()).bearer(&ada).await.problem(403, "escalation");
    server.put(&path, &sound()).bearer(&ada).header("if-match", "*").await.problem(403, "escalation");
    // A machine and a key are nobody, whatever they hold; nor is a log-in of this morning enough.
    let key = json!({"name": "laptop", "permissions": permissions});
    let key = server.post("/v1/api-keys", &key).bearer(&globex.token).await.expect(201);
    let keys = text(&key, "secret");
    server.post(PROVIDERS, &sound()).bearer(keys).await.problem(403, "user_session_required");
    server.delete(&path).bearer(keys).await.problem(403, "user_session_required");
    assert_eq!(server.get(&path).bearer(keys).await.status, 200);
    let session = world.log_in(&globex.olga).await;
    world.clock.advance(TimeDelta::minutes(15));
    let refresh = json!({"refresh_token": text(&session, "refresh_token")});
    let refreshed = server.post("/v1/sessions/refresh", &refresh).await.expect(200);
    let stale = text(&refreshed, "access_token");
    server.post(PROVIDERS, &sound()).bearer(stale).await.problem(401, "insufficient_user_authentication");
    // To stop one takes less.
    let ada = text(&server.post("/v1/sessions", &log_in).await.expect(201), "access_token").to_owned();
    assert_eq!(server.delete(&path).bearer(&ada).await.status, 204);
}

#[tokio::test]
async fn another_tenants_provider_is_nobodys() {
    let globex = globex().await;
    let provider = globex.provider(ISSUER, "us", "s3cret").await;
    let path = format!("{PROVIDERS}/{provider}");
    globex.world.allow(&globex.acme, &OWNER).await;
    let acme = globex.world.token(&globex.acme).await;
    let server = &globex.world.server;
    let listed = server.get(PROVIDERS).bearer(&acme).await.expect(200);
    assert_eq!(listed["items"], json!([]));
    server.get(&path).bearer(&acme).await.problem(404, "identity_provider_not_found");
    let edit = server.put(&path, &sound()).bearer(&acme).header("if-match", "*").await;
    edit.problem(404, "identity_provider_not_found");
    server.delete(&path).bearer(&acme).await.problem(404, "identity_provider_not_found");
    assert_eq!(server.get(&path).bearer(&globex.token).await.status, 200);
}

/// Whoever acts in the platform's own tenant may act for all.
#[tokio::test]
async fn operators_have_no_provider() {
    let globex = Globex::open().await;
    let provider = globex.provider("http://127.0.0.1:1", "us", "s3cret").await;
    let make_platform = "UPDATE tenants SET kind = 'platform' WHERE name = 'Globex'";
    sqlx::raw_sql(make_platform).execute(&globex.world.platform.pool).await.unwrap();
    let body = configuration("http://127.0.0.1:1", "us", "s3cret");
    let refused = globex.world.server.post(PROVIDERS, &body).bearer(&globex.token).await;
    refused.problem(409, "platform_tenant");
    let begun = globex.begin(&mut super::Jar::default(), provider).await;
    super::refused(&begun, 404, "no such identity provider");
}

/// The secret lies sealed, and is put under a new key with everything else.
#[tokio::test]
async fn the_secret_is_sealed_and_resealed() {
    use auth::keys::{Rotation, resealing};
    use common::sealing::Sealer;

    let (globex, liar, provider) = Globex::with_liar().await;
    let sealed = async || {
        let query =
            sqlx::query_scalar::<_, Vec<u8>>("SELECT sealed_client_secret FROM identity_providers WHERE id = $1");
        query.bind(provider).fetch_one(&globex.world.platform.pool).await.unwrap()
    };
    let before = sealed().await;
    assert!(!before.windows(6).any(|bytes| bytes == b"s3cret"));
    let mut first = [0; 32];
    first.copy_from_slice(b"01234567890123456789012345678901");
    let sealer = Sealer::with_previous(&[7; 32], &[first]);
    let rotation =
        Rotation { db: globex.world.platform.db(), sealer: sealer.clone(), ambient: globex.world.clock.clone() };
    resealing::reseal(&rotation).await.unwrap();
    let context = |id: Uuid| [b"identity provider ", &id.as_bytes()[..]].concat();
    let after = sealed().await;
    assert_eq!(Sealer::new(&[7; 32]).open(&context(provider), &after).unwrap(), b"s3cret");
    assert!(sealer.open(&context(Uuid::nil()), &after).is_err(), "in another row it opens not");
    // What has no secret any more is no row that does not open.
    globex.world.server.delete(&format!("{PROVIDERS}/{provider}")).bearer(&globex.token).await.expect(204);
    assert_eq!(resealing::look(&rotation).await.unwrap().unopened, 0);
    drop(liar);
}

/// PKCE and `nonce` are new each time, and a sign-in ends with any change of its provider.
#[tokio::test]
async fn each_sign_in_is_another_and_of_the_provider_as_it_was() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let mut jar = super::Jar::default();
    let (one, two) = (asked(&globex.begin(&mut jar, provider).await), asked(&globex.begin(&mut jar, provider).await));
    for parameter in ["state", "nonce", "code_challenge"] {
        assert_ne!(one[parameter], two[parameter], "{parameter}");
    }
    let location = globex.begin(&mut jar, provider).await.header("location").unwrap().to_owned();
    assert!(location.starts_with(&format!("{}/authorize?p=1&response_type=code&", liar.issuer)), "{location}");
    liar.say(&globex.world, &one, json!({}));
    globex.put(provider, &configuration(&liar.issuer, "us", "n3w")).await.expect(200);
    let answer = globex.come_back(&mut jar, provider, &[("code", "c0de"), ("state", &one["state"])]).await;
    super::refused(&answer, 410, "Begin again");
}
