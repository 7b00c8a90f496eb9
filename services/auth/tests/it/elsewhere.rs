//! Another service, which takes auth's tokens.

use crate::support::{WORKER_SECRET, World, text};
use access::{Access, Allowed, Authenticated, client::PlatformClient};
use axum::{Router, extract::FromRef, routing::get};
use common::config::{Base, Env};
use contracts::id::Principal;
use redis::AsyncCommands;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;

access::permissions! { ReadInvoices = "billing.readInvoices" }

#[derive(Clone)]
struct Elsewhere {
    access: Access,
}

impl FromRef<Elsewhere> for Access {
    fn from_ref(elsewhere: &Elsewhere) -> Self {
        elsewhere.access.clone()
    }
}

async fn invoices(caller: Allowed<ReadInvoices>) -> String {
    caller.principal.to_string()
}

async fn anybody(caller: Authenticated) -> String {
    caller.tenant.to_string()
}

/// The address of a service that runs as the worker.
pub async fn serve(world: &World) -> String {
    let mut variables = world.platform.env();
    for name in ["AUTH_URL", "TOKEN_ISSUER"] {
        variables.insert(name.to_owned(), world.server.url.clone());
    }
    variables.extend([
        ("CLIENT_ID".to_owned(), "worker".to_owned()),
        ("CLIENT_SECRET".to_owned(), WORKER_SECRET.to_owned()),
    ]);
    let base = Base::read(&mut Env::new(variables), "worker", 1).unwrap();
    let access = Access::remote(&base, world.platform.redis.clone(), PlatformClient::new(&base));
    let router = Router::new()
        .route("/invoices", get(invoices))
        .route("/anybody", get(anybody))
        .with_state(Elsewhere { access });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

pub async fn ask(url: &str, token: &str) -> (StatusCode, String) {
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_key_works_at_another_service_and_stops_there_at_once() {
    let world = World::start().await;
    let (url, ada) = (serve(&world).await, world.account("ada@acme.test", "Acme").await);
    let (invoices, anybody) = (format!("{url}/invoices"), format!("{url}/anybody"));
    world.allow(&ada, &["billing.readInvoices", "auth.readMembers"]).await;
    let token = world.token(&ada).await;
    let make = async |permission: &str| {
        world
            .server
            .post("/v1/api-keys", &json!({"name": "a", "permissions": [permission]}))
            .bearer(&token)
            .await
            .expect(201)
    };
    let (made, other) = (make("billing.readInvoices").await, make("auth.readMembers").await);
    let (id, key, other) = (text(&made["api_key"], "id"), text(&made, "secret"), text(&other, "secret"));
    assert_eq!(ask(&invoices, key).await, (StatusCode::OK, Principal::User(ada.user).to_string()));
    assert_eq!(ask(&anybody, other).await, (StatusCode::OK, ada.tenant.to_string()));
    assert_eq!(ask(&invoices, other).await.0, StatusCode::FORBIDDEN);

    let forgotten: u32 = world
        .platform
        .redis
        .clone()
        .del(format!("{}{{{}}}:sess:{id}", world.platform.redis_prefix(), ada.tenant))
        .await
        .unwrap();
    assert_eq!((forgotten, ask(&invoices, key).await.0), (1, StatusCode::OK));
    world.allow(&ada, &["auth.readMembers"]).await;
    assert_eq!(ask(&invoices, key).await.0, StatusCode::FORBIDDEN);
    assert_eq!(world.server.delete(&format!("/v1/api-keys/{id}")).bearer(&token).await.status, 204);
    for url in [&invoices, &anybody] {
        assert_eq!(ask(url, key).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&anybody, other).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_machine_works_at_another_service_and_stops_there_at_once() {
    let world = World::start().await;
    let (url, ada) = (serve(&world).await, world.account("ada@acme.test", "Acme").await);
    world.allow(&ada, &["auth.writeClients"]).await;
    let admin = world.token(&ada).await;
    let made = world.server.post("/v1/clients", &json!({"name": "import"})).bearer(&admin).await.expect(201);
    let (id, secret) = (text(&made["client"], "id"), text(&made["secret"], "secret"));
    let machine = Principal::Client(id.to_owned());
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let token = text(&world.server.post_form("/v1/oauth/token", &form).await.expect(200), "access_token").to_owned();
    world.platform.allow(ada.tenant, &machine, &["billing.readInvoices"]).await;
    let invoices = format!("{url}/invoices");
    assert_eq!(ask(&invoices, &token).await, (StatusCode::OK, machine.to_string()));
    assert_eq!(world.server.delete(&format!("/v1/clients/{id}")).bearer(&admin).await.status, 204);
    assert_eq!(ask(&invoices, &token).await.0, StatusCode::UNAUTHORIZED);
}
