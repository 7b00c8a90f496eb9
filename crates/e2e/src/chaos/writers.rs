//! In which ways is a permission given and taken, over and over? Each repeated until it is answered, as the answer asks for.

use super::{ledger::Subject, person::Person, readers, world::World};
use crate::rng::Rng;
use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// For something given to be in force.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done to take the permission away, and undone to give it.
#[derive(Clone, Debug)]
pub enum Way {
    /// The grant of a role is revoked.
    Grant,
    /// The role is edited.
    Role { id: String, name: String },
    /// The person leaves the group that has it.
    Group { id: String },
    /// It is denied.
    Denial,
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Grant => "grants revoked",
            Self::Role { .. } => "roles edited",
            Self::Group { .. } => "groups left",
            Self::Denial => "denials",
        }
    }
}

/// Gives to one person and takes it away.
pub struct Writer {
    pub world: Arc<World>,
    pub admin: Person,
    pub person: Arc<Person>,
    pub subject: Subject,
    pub way: Way,
    pub rng: Rng,
}

impl Writer {
    pub async fn run(mut self) -> Result<()> {
        let world = Arc::clone(&self.world);
        while !world.is_over() {
            world.ledger.gives(self.subject);
            if self.give().await?.is_none() || !self.until_allowed().await? {
                break;
            }
            // So that a filler may be under way when it is taken.
            tokio::time::sleep(self.rng.millis(0, 150)).await;
            if self.take().await?.is_none() {
                break;
            }
            // Most are given again soon, for many trials; some not before several faults have come and gone.
            let hold = if self.rng.below(10) == 0 { self.rng.millis(1_000, 4_000) } else { self.rng.millis(30, 250) };
            tokio::time::sleep(hold).await;
        }
        Ok(())
    }

    /// `None` when it is over.
    async fn give(&self) -> Result<Option<()>> {
        let role = self.world.role;
        match &self.way {
            Way::Grant => {
                self.change(
                    Method::POST,
                    "/v1/grants",
                    json!({ "principal": self.person.principal, "role": role }),
                    &[201, 409],
                )
                .await
            }
            Way::Role { id, name } => {
                self.change(
                    Method::PUT,
                    &format!("/v1/roles/{id}"),
                    json!({ "name": name, "permissions": readers::PERMISSIONS }),
                    &[200],
                )
                .await
            }
            Way::Group { id } => self.change(Method::PUT, &self.membership(id), Value::Null, &[204]).await,
            Way::Denial => self.end_grants("deny", &mut |_| {}).await,
        }
    }

    /// `None` when it is over. The moment of the answer is on record.
    async fn take(&self) -> Result<Option<()>> {
        let role = self.world.role;
        let (method, path, body, right): (_, _, _, &[u16]) = match &self.way {
            Way::Grant => return self.end_grants("allow", &mut |alone| self.taken(alone)).await,
            Way::Role { id, name } => (
                Method::PUT,
                format!("/v1/roles/{id}"),
                json!({ "name": name, "permissions": ["permission.readRoles"] }),
                &[200],
            ),
            Way::Group { id } => (Method::DELETE, self.membership(id), Value::Null, &[204]),
            // Denied already: a repetition, answered when it is in force.
            Way::Denial => (
                Method::POST,
                "/v1/grants".into(),
                json!({ "principal": self.person.principal, "role": role, "effect": "deny" }),
                &[201, 409],
            ),
        };
        let Some(answer) = self.admin.insist(&self.world, method, &path, &body).await else { return Ok(None) };
        ensure!(right.contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        self.taken(answer.alone);
        Ok(Some(()))
    }

    fn taken(&self, alone: bool) {
        self.world.ledger.revoked(self.subject, self.way.name());
        if alone {
            self.world
                .ledger
                .mistake(format!("'{}' was answered although no replica was there to confirm it", self.way.name()));
        }
    }

    fn membership(&self, group: &str) -> String {
        format!("/v1/groups/{group}/members/{}", self.person.principal)
    }

    async fn change(&self, method: Method, path: &str, body: Value, right: &[u16]) -> Result<Option<()>> {
        let Some(answer) = self.admin.insist(&self.world, method.clone(), path, &body).await else { return Ok(None) };
        ensure!(right.contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(Some(()))
    }

    /// Ends the person's one grant of the role with that effect. It is looked up: the answer that named it may be lost.
    async fn end_grants(&self, effect: &str, ended: &mut (dyn FnMut(bool) + Send)) -> Result<Option<()>> {
        let list = format!("/v1/grants?principal={}", self.person.principal);
        let Some(answer) = self.admin.insist(&self.world, Method::GET, &list, &Value::Null).await else {
            return Ok(None);
        };
        let grants = answer.body["items"].as_array().into_iter().flatten();
        let mut ids = grants
            .filter(|grant| grant["role"] == self.world.role && grant["effect"] == effect)
            .filter_map(|grant| grant["id"].as_str());
        let Some(id) = ids.next() else {
            // Nothing is denied before the first denial.
            ensure!(effect == "deny", "{} has lost the role by itself: {}", self.person.name, answer.body);
            return Ok(Some(()));
        };
        ensure!(ids.next().is_none(), "{} has the role twice: {}", self.person.name, answer.body);
        let path = format!("/v1/grants/{id}");
        let Some(answer) = self.admin.insist(&self.world, Method::DELETE, &path, &Value::Null).await else {
            return Ok(None);
        };
        ensure!(answer.status == 204, "DELETE {path}: {} {}", answer.status, answer.body);
        ended(answer.alone);
        Ok(Some(()))
    }

    /// Whether everything that was given works, before it is over.
    async fn until_allowed(&self) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        for (service, path) in readers::CHECKED {
            loop {
                let answer = self.person.get(&self.world, service, path).await;
                if answer.status == 200 {
                    break;
                }
                if self.world.is_over() {
                    return Ok(false);
                }
                if Instant::now() >= deadline {
                    bail!(
                        "{} was given ({}), and {service} still answers {} {}",
                        self.person.name,
                        self.way.name(),
                        answer.status,
                        answer.body
                    );
                }
                self.world.pause().await;
            }
        }
        Ok(true)
    }
}
