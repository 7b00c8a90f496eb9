//! What ends with a provider.

use super::{Globex, Jar, PROVIDERS, configuration, refused, token};
use crate::{elsewhere, support::text};
use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

impl Globex {
    async fn is_alive(&self, session: &Value) -> bool {
        self.world.server.get("/v1/me").bearer(token(session)).await.status == 200
    }
}

#[tokio::test]
async fn sessions_end_with_their_provider_everywhere_and_at_once() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let url = format!("{}/anybody", elsewhere::serve(&globex.world).await);
    let other = globex.provider(&liar.issuer, "us", "s3cret").await;
    let (session, others) =
        (globex.session(&liar, provider, json!({})).await, globex.session(&liar, other, json!({})).await);
    let own = globex.world.log_in(&globex.acme).await;
    assert_eq!(elsewhere::ask(&url, token(&session)).await.0, StatusCode::OK);
    globex.world.server.delete(&format!("{PROVIDERS}/{provider}")).bearer(&globex.token).await.expect(204);
    assert_eq!(elsewhere::ask(&url, token(&session)).await.0, StatusCode::UNAUTHORIZED);
    let refresh = json!({"refresh_token": text(&session, "refresh_token")});
    globex.world.server.post("/v1/sessions/refresh", &refresh).await.problem(401, "session_ended");
    assert!(globex.is_alive(&others).await && globex.is_alive(&own).await, "what it has not begun goes on");
    refused(&globex.begin(&mut Jar::default(), provider).await, 404, "no such identity provider");
    assert_eq!(globex.world.count("identities").await, 1);
    // Forgotten in the end, with its sessions.
    globex.world.sweep(globex.world.clock.now() + TimeDelta::days(60)).await;
    assert_eq!(globex.world.count("identity_providers").await, 1);
}

#[tokio::test]
async fn another_provider_in_its_place_and_none_end_what_it_began() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let sound = configuration(&liar.issuer, "us", "s3cret");
    let with = |field: &str, value: Value| {
        let mut body = sound.clone();
        body[field] = value;
        body
    };
    let end_by = async |body: &Value| {
        let session = globex.session(&liar, provider, json!({})).await;
        globex.put(provider, body).await.expect(200);
        let alive = globex.is_alive(&session).await;
        (alive, globex.world.count("identities").await)
    };
    assert_eq!(end_by(&with("name", "All staff".into())).await, (true, 1));
    assert_eq!(end_by(&with("client_secret", "n3w".into())).await, (true, 1));
    assert_eq!(end_by(&with("client_id", "we".into())).await, (false, 0));
    assert_eq!(end_by(&with("enabled", false.into())).await, (false, 0));
    refused(&globex.begin(&mut Jar::default(), provider).await, 404, "nobody signs in by it");
    globex.put(provider, &sound).await.expect(200);
    assert_eq!(end_by(&with("issuer", format!("{}/", liar.issuer).into())).await, (false, 0));
}

/// Its owner's own acts end it like any other session.
#[tokio::test]
async fn a_session_ends_with_the_person_and_the_membership() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let out = globex.session(&liar, provider, json!({})).await;
    globex.world.server.delete("/v1/sessions/current").bearer(token(&out)).await.expect(204);
    assert!(!globex.is_alive(&out).await);
    let session = globex.session(&liar, provider, json!({})).await;
    let own = globex.world.log_in(&globex.acme).await;
    globex.world.server.delete("/v1/sessions").bearer(token(&own)).await.expect(204);
    assert!(!globex.is_alive(&session).await);
    let session = globex.session(&liar, provider, json!({})).await;
    let path = format!("/v1/members/{}", globex.ada.user);
    globex.world.server.delete(&path).bearer(&globex.token).await.expect(204);
    assert!(!globex.is_alive(&session).await);
}

/// The database says so itself: a provider's session is of its own tenant, and so is whom it knows.
#[tokio::test]
async fn no_row_joins_a_provider_and_another_tenant() {
    let (globex, liar, provider) = Globex::with_liar().await;
    globex.session(&liar, provider, json!({})).await;
    globex.world.log_in(&globex.acme).await;
    sqlx::raw_sql("DELETE FROM identities").execute(&globex.world.platform.pool).await.unwrap();
    for sql in [
        "UPDATE sessions SET identity_provider_id = $1 WHERE tenant_id = $2",
        "INSERT INTO identities (provider_id, subject, tenant_id, user_id, linked_at)
         SELECT $1, 'x', tenant_id, user_id, now() FROM memberships WHERE tenant_id = $2",
    ] {
        let wrong = sqlx::query(sql).bind(provider).bind::<Uuid>(globex.acme.tenant.0);
        let refused = wrong.execute(&globex.world.platform.pool).await.unwrap_err();
        assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("23503"), "{sql}");
    }
}
