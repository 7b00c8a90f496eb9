//! Log-ins: the right password, and what the answer says.

use crate::support::{PASSWORD, World, text};
use access::FillRequest;
use axum::{Json, Router, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_login_gives_tokens_that_say_who_acts_where() {
    let (world, ada) = World::with_ada().await;
    let answer = world.server.post("/v1/sessions", &json!({"email": " ADA@acme.test", "password": PASSWORD})).await;
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.expect(201);
    assert_eq!(
        cookie,
        format!(
            "refresh_token={}; Path=/v1/sessions; Max-Age=86400; HttpOnly; SameSite=Lax; Secure",
            text(&body, "refresh_token")
        )
    );
    assert_eq!(
        (text(&body, "token_type"), &body["expires_in"], &body["permissions"]),
        ("Bearer", &json!(600), &Value::Null)
    );
    assert_eq!(body["user"], json!({"id": ada.user, "email": "ada@acme.test", "display_name": "Ada"}));
    assert_eq!(body["tenant"], json!({"id": ada.tenant, "name": "Acme"}));

    let verifier = world.verifier();
    let claims = verifier.verify(text(&body, "access_token")).await.unwrap();
    assert_eq!(
        (claims.sub.clone(), claims.tid, claims.client_id.as_str()),
        (ada.user.to_string(), Some(ada.tenant), "web")
    );
    assert_eq!(claims.sid.unwrap().to_string(), text(&body, "session_id"));
    assert_eq!(
        (claims.exp - claims.iat, claims.auth_time, claims.amr.clone()),
        (600, Some(claims.iat), vec!["pwd".to_owned()])
    );

    let me = world.server.get("/v1/me").bearer(text(&body, "access_token")).await.expect(200);
    assert_eq!(
        (&me["user"], &me["tenant"], &me["tenants"]),
        (&body["user"], &body["tenant"], &json!([body["tenant"]]))
    );
}

#[tokio::test]
async fn wrong_credentials_tell_nothing() {
    let (world, ada) = World::with_ada().await;
    let refused = async |email: &str| {
        let body = json!({"email": email, "password": "not the right password"});
        let mut problem = world.server.post("/v1/sessions", &body).await.problem(401, "credentials_wrong");
        problem["request_id"].take();
        problem
    };
    assert_eq!(refused(&ada.email).await, refused("nobody@acme.test").await);
    world.server.post("/v1/sessions", &json!({"email": "nobody", "password": "x"})).await.invalid(&["email"]);
    world.server.post("/v1/sessions", &json!({"email": ada.email})).await.invalid(&["password"]);
    let elsewhere = json!({"email": ada.email, "password": PASSWORD, "tenant_id": world.platform.tenant()});
    world.server.post("/v1/sessions", &elsewhere).await.problem(403, "not_a_member");
    assert_eq!(world.count("sessions").await, 0);
}

#[tokio::test]
async fn a_login_carries_what_the_permission_service_answers() {
    let asked = Arc::new(Mutex::new(Vec::<(String, FillRequest)>::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let permission_url = format!("http://{}", listener.local_addr().unwrap());
    let noted = Arc::clone(&asked);
    let records = post(async move |headers: HeaderMap, Json(request): Json<FillRequest>| {
        noted.lock().unwrap().push((headers["authorization"].to_str().unwrap().to_owned(), request));
        Json(json!({"permissions": ["auth.readMembers"]}))
    });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/internal/records", records)).await });

    let world = World::with(&[("PERMISSION_URL", permission_url)]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let body = world.log_in(&ada).await;
    assert_eq!(body["permissions"], json!(["auth.readMembers"]));
    let (authorization, request) = asked.lock().unwrap().pop().unwrap();
    assert_eq!((request.tenant_id, request.principal.to_string()), (ada.tenant, format!("user:{}", ada.user)));
    let verifier = world.verifier();
    let claims = verifier.verify(authorization.strip_prefix("Bearer ").unwrap()).await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.tid, claims.sid, claims.exp - claims.iat), ("auth", None, None, 300));
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_at_login() {
    let world = World::with(&[("ARGON2_ITERATIONS", "3".into())]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let cheap =
        auth::passwords::Hasher::new(auth::passwords::Cost { memory_kib: 19_456, iterations: 2 }, world.clock.clone())
            .unwrap();
    let old = cheap.hash(&PASSWORD.into()).await.unwrap();
    sqlx::query("UPDATE users SET password_hash = $1").bind(&old).execute(&world.platform.pool).await.unwrap();
    world.log_in(&ada).await;
    let new: String =
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&world.platform.pool).await.unwrap();
    assert!(new.contains("m=19456,t=3,p=1"), "{new}");
    world.log_in(&ada).await;
}
