//! The check as a first version would do it: verify the token and ask Redis, each time, remembering nothing and sharing
//! nothing.

use crate::{PERMISSION, keys::keys};
use access::token::Claims;
use anyhow::{Context, Result};
use axum::http::{HeaderMap, header};
use common::config::Base;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use redis::{AsyncCommands, aio::ConnectionManager};

#[derive(Clone)]
pub struct Naive {
    key: DecodingKey,
    issuer: String,
    audience: String,
    redis: ConnectionManager,
}

impl Naive {
    pub async fn new(base: &Base, redis: ConnectionManager) -> Result<Self> {
        let set: JwkSet =
            access::client::http().get(format!("{}/.well-known/jwks.json", base.auth_url)).send().await?.json().await?;
        let key = DecodingKey::from_jwk(set.keys.first().context("auth publishes no key")?)?;
        Ok(Self { key, issuer: base.token_issuer.clone(), audience: base.token_audience.clone(), redis })
    }

    pub fn verify(&self, headers: &HeaderMap) -> Option<Claims> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        Some(jsonwebtoken::decode::<Claims>(token, &self.key, &validation).ok()?.claims)
    }

    pub async fn allows(&self, claims: &Claims) -> Option<bool> {
        let values: Vec<Option<String>> = self.redis.clone().mget(&keys(claims).ok()?).await.ok()?;
        let [Some(record), Some(us), Some(ts), Some(_)] = values.as_slice() else { return Some(false) };
        let mut lines = record.lines();
        let stamped = lines.next() == Some(us) && lines.next() == Some(ts);
        let (namespace, action) = PERMISSION.split_once('.')?;
        Some(
            stamped
                && lines.any(|line| {
                    line.split_once(' ').is_some_and(|(name, actions)| {
                        name == namespace && actions.split(' ').any(|held| held == action)
                    })
                }),
        )
    }
}
