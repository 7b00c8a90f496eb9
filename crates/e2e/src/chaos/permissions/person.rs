//! Somebody who stays logged in while Redis forgets them: by refreshing, as a frontend does, and by logging in again.

use super::world::{Answer, World};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For somebody to be let in again.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Person {
    pub name: String,
    /// `user:<uuid>`
    pub principal: String,
    credentials: Value,
    tokens: Mutex<Tokens>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    fn of(answer: &Answer) -> Option<Self> {
        let member = |name: &str| answer.body[name].as_str().map(str::to_owned);
        Some(Self { access: member("access_token")?, refresh: member("refresh_token")? })
    }
}

impl Person {
    pub async fn log_in(world: &World, email: &str, password: &str) -> Result<Self> {
        let credentials = json!({ "email": email, "password": password });
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = world.send(world.request(Method::POST, "auth", "/v1/sessions").json(&credentials)).await;
            if let Some(tokens) = Tokens::of(&answer) {
                let id = answer.body["user"]["id"].as_str().context("a log-in names the user")?;
                let (name, principal) = (email.split('@').next().unwrap_or(email).to_owned(), format!("user:{id}"));
                return Ok(Self {
                    name,
                    principal,
                    credentials,
                    tokens: Mutex::new(tokens),
                    renewing: tokio::sync::Mutex::default(),
                });
            }
            ensure!(
                matches!(answer.status, 0 | 503) && Instant::now() < deadline,
                "{email} cannot log in: {} {}",
                answer.status,
                answer.body
            );
            world.pause().await;
        }
    }

    pub fn token(&self) -> String {
        self.tokens().access
    }

    fn tokens(&self) -> Tokens {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets a new token in place of `refused`, unless somebody has already; not now if auth cannot.
    pub async fn renew(&self, world: &World, refused: &str) {
        let _turn = self.renewing.lock().await;
        let tokens = self.tokens();
        if tokens.access != refused {
            return;
        }
        let refresh = json!({ "refresh_token": tokens.refresh });
        let mut answer = world.send(world.request(Method::POST, "auth", "/v1/sessions/refresh").json(&refresh)).await;
        if answer.status == 401 {
            answer = world.send(world.request(Method::POST, "auth", "/v1/sessions").json(&self.credentials)).await;
        }
        match Tokens::of(&answer) {
            Some(tokens) => *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens,
            None => world.pause().await,
        }
    }

    /// Asks, once.
    pub async fn get(&self, world: &World, service: &str, path: &str) -> Answer {
        let token = self.token();
        let answer = world.send(world.request(Method::GET, service, path).bearer_auth(&token)).await;
        if answer.status == 401 {
            self.renew(world, &token).await;
        }
        answer
    }

    /// Asks the permission service until it answers anything but 401, 503 or nothing; `None` when it is over.
    pub async fn insist(&self, world: &World, method: Method, path: &str, body: &Value) -> Option<Answer> {
        while !world.is_over() {
            let token = self.token();
            let mut request =
                world.request(method.clone(), "permission", path).bearer_auth(&token).header("if-match", "*");
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = world.send(request).await;
            match answer.status {
                401 => self.renew(world, &token).await,
                0 | 503 => {
                    if answer.body["code"] == "revoke_unconfirmed" {
                        world.ledger.unconfirmed();
                    }
                    world.pause().await;
                }
                _ => return Some(answer),
            }
        }
        None
    }
}
