//! What does the permission check cost a request? The same answer from four routes: bare, with one `MGET`, checked naively, and checked as services do.
//!
//! `cargo xtask bench access` starts it beside a Redis of its own and puts load on it. It prints one line of JSON: its address and a token.

mod naive;
mod token;

use anyhow::Result;
use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::get,
};
use common::{
    access::{Access, Allowed, RecordStore, SessionStore},
    ambient::Ambient,
    client::PlatformClient,
    config::{Base, Env},
    db,
};
use contracts::id::{Principal, SessionId, TenantId, UserId};
use naive::Naive;
use redis::{AsyncCommands, aio::ConnectionManager};
use std::{collections::BTreeSet, time::Duration};
use token::Issuer;
use tokio::net::TcpListener;

common::permissions! { pub Read = "bench.read" }

/// A record of usual size: what an owner of a tenant with a dozen products holds.
const PERMISSIONS: usize = 60;
const LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Clone)]
struct App {
    access: Access,
    redis: ConnectionManager,
    keys: [String; 4],
    naive: Naive,
}

impl FromRef<App> for Access {
    fn from_ref(app: &App) -> Self {
        app.access.clone()
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the one line that the caller reads")]
async fn main() -> Result<()> {
    common::token::install_crypto();
    let ambient = Ambient::system();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let issuer = Issuer::new(&url, &ambient)?;
    let base = base(&url)?;
    let redis = db::connect_redis(&base)?;
    let (tenant, user, session) = (TenantId(ambient.uuid()), UserId(ambient.uuid()), SessionId(ambient.uuid()));
    remember(&base, &redis, &ambient, tenant, user, session).await?;
    let token = issuer.sign(tenant, user, session)?;
    let principal = Principal::User(user);
    let keys = [format!("{{{tenant}}}:rec:{principal}"), format!("{{{tenant}}}:us:{principal}"), format!("{{{tenant}}}:ts"), format!("{{{tenant}}}:sess:{session}")];
    let naive = Naive { key: issuer.decoding_key()?, issuer: url.clone(), redis: redis.clone() };
    let app = App { access: Access::remote(&base, redis.clone(), PlatformClient::new(&base)), redis, keys, naive };
    let jwks = issuer.jwks();
    let router = Router::new()
        .route("/bare", get(async || "ok"))
        .route("/mget", get(mget))
        .route("/naive", get(naive::check))
        .route("/protected", get(protected))
        .route("/.well-known/jwks.json", get(async move || axum::Json(jwks)))
        .with_state(app);
    println!("{}", serde_json::json!({"url": url, "token": token}));
    axum::serve(listener, router).await?;
    Ok(())
}

/// One round trip for each request, and nothing else.
async fn mget(State(app): State<App>) -> Result<&'static str, StatusCode> {
    let values: Vec<Option<String>> = app.redis.clone().mget(&app.keys).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if values.iter().all(Option::is_some) { Ok("ok") } else { Err(StatusCode::FORBIDDEN) }
}

async fn protected(_: Allowed<Read>) -> &'static str {
    "ok"
}

async fn remember(base: &Base, redis: &ConnectionManager, ambient: &Ambient, tenant: TenantId, user: UserId, session: SessionId) -> Result<()> {
    SessionStore::new(redis.clone(), &base.redis_prefix, 0).open(tenant, session, LIFETIME).await?;
    let records = RecordStore::new(redis.clone(), &base.redis_prefix, 0, ambient.clone());
    let principal = Principal::User(user);
    let stamps = records.stamps(tenant, &principal).await?;
    let others = (1..PERMISSIONS).map(|number| format!("service{}.someAction{number}", number % 12));
    let permissions: BTreeSet<String> = others.chain(["bench.read".to_owned()]).collect();
    Ok(records.write(tenant, &principal, stamps, &permissions, LIFETIME).await?)
}

fn base(url: &str) -> Result<Base> {
    let redis_url = std::env::var("REDIS_URL")?;
    let variables = [
        ("REDIS_URL", redis_url.as_str()),
        ("AUTH_URL", url),
        ("PERMISSION_URL", url),
        ("TOKEN_ISSUER", url),
        ("CLIENT_SECRET", "unused"),
        ("AWS_ACCOUNT_ID", "000000000000"),
        ("AWS_REGION", "local"),
    ];
    let mut env = Env::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let base = Base::read(&mut env, "bench", 1);
    Ok(env.finish(base)?)
}
