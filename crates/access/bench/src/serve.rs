//! Server for measuring what the check costs a request: the same answer from four routes: bare, with one `MGET`,
//! checked naively, and checked as services do.

use crate::{Read, keys::keys, naive::Naive};
use access::{Access, Allowed, client::PlatformClient};
use anyhow::Result;
use axum::{
    Router,
    extract::{FromRef, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use common::{config::Base, db};
use redis::{AsyncCommands, aio::ConnectionManager};
use tokio::net::TcpListener;

#[derive(Clone)]
pub struct App {
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

/// Serves until the process ends; `/mget` asks for the keys of the bearer of `token`.
pub async fn run(base: &Base, token: &str) -> Result<()> {
    let redis = db::connect_redis(base)?;
    let access = Access::remote(base, redis.clone(), PlatformClient::new(base));
    let claims = access.verifier().verify(token).await?;
    let naive = Naive::new(base, redis.clone()).await?;
    let app = App { access, keys: keys(&claims)?, naive, redis };
    let router = Router::new()
        .route("/bare", get(async || "ok"))
        .route("/mget", get(mget))
        .route("/naive", get(naively))
        .route("/protected", get(protected))
        .with_state(app);
    axum::serve(TcpListener::bind(base.listen_addr).await?, router).await?;
    Ok(())
}

/// One round trip for each request, and nothing else.
async fn mget(State(app): State<App>) -> Result<&'static str, StatusCode> {
    let values: Vec<Option<String>> =
        app.redis.clone().mget(&app.keys).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if values.iter().all(Option::is_some) { Ok("ok") } else { Err(StatusCode::FORBIDDEN) }
}

async fn naively(State(app): State<App>, headers: HeaderMap) -> Result<&'static str, StatusCode> {
    let claims = app.naive.verify(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    if app.naive.allows(&claims).await.ok_or(StatusCode::SERVICE_UNAVAILABLE)? {
        Ok("ok")
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

async fn protected(_: Allowed<Read>) -> &'static str {
    "ok"
}
