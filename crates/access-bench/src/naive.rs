//! What would a first version do? Verify the token and ask Redis, each time, remembering nothing.

use crate::App;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use common::token::Claims;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use redis::{AsyncCommands, aio::ConnectionManager};

#[derive(Clone)]
pub struct Naive {
    pub key: DecodingKey,
    pub issuer: String,
    pub redis: ConnectionManager,
}

pub async fn check(State(app): State<App>, headers: HeaderMap) -> Result<&'static str, StatusCode> {
    let claims = app.naive.verify(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    if app.naive.allows(&claims).await.ok_or(StatusCode::SERVICE_UNAVAILABLE)? { Ok("ok") } else { Err(StatusCode::FORBIDDEN) }
}

impl Naive {
    fn verify(&self, headers: &HeaderMap) -> Option<Claims> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&["sevenleague"]);
        Some(jsonwebtoken::decode::<Claims>(token, &self.key, &validation).ok()?.claims)
    }

    async fn allows(&self, claims: &Claims) -> Option<bool> {
        let (tenant, session, user) = (claims.tid?, claims.sid?, &claims.sub);
        let keys = [format!("{{{tenant}}}:rec:user:{user}"), format!("{{{tenant}}}:us:user:{user}"), format!("{{{tenant}}}:ts"), format!("{{{tenant}}}:sess:{session}")];
        let values: Vec<Option<String>> = self.redis.clone().mget(&keys).await.ok()?;
        let [Some(record), Some(us), Some(ts), Some(_)] = values.as_slice() else { return Some(false) };
        let mut lines = record.lines();
        let stamped = lines.next() == Some(us) && lines.next() == Some(ts);
        Some(stamped && lines.any(|name| name == "bench.read"))
    }
}
