//! Log-outs, over and over: does an ended session stay ended?

use super::{
    person::Person,
    readers::Sessions,
    world::{World, millis},
};
use anyhow::{Result, bail};
use rand::rngs::SmallRng;
use reqwest::Method;
use std::sync::Arc;

pub struct Leaver {
    pub world: Arc<World>,
    pub email: String,
    pub password: &'static str,
    pub sessions: Arc<Sessions>,
    pub rng: SmallRng,
}

impl Leaver {
    pub async fn run(mut self) -> Result<()> {
        let world = Arc::clone(&self.world);
        while !world.is_over() {
            let person = Person::log_in(&world, &self.email, self.password).await?;
            let (subject, token) = (world.ledger.enter(), person.token());
            self.sessions.begin(subject, token.clone());
            tokio::time::sleep(millis(&mut self.rng, 20..200)).await;
            match self.log_out(&token).await? {
                Some(alone) => world.ledger.revoked(subject, "log-outs", alone),
                None => self.sessions.forget_last(),
            }
            tokio::time::sleep(millis(&mut self.rng, 20..200)).await;
        }
        Ok(())
    }

    /// `None` if the session ended, or was lost, without an answer that says so; else whether no replica confirmed it.
    async fn log_out(&self, token: &str) -> Result<Option<bool>> {
        while !self.world.is_over() {
            let answer = self
                .world
                .send(self.world.request(Method::DELETE, "auth", "/v1/sessions/current").bearer_auth(token))
                .await;
            match answer.status {
                204 => return Ok(Some(answer.alone)),
                401 => return Ok(None),
                503 => self.world.pause().await,
                status => bail!("a log-out was answered {status} {}", answer.body),
            }
        }
        Ok(None)
    }
}
