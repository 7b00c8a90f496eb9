//! Writers of the chaos: in four ways a permission is given and taken, over and over, each repeated until it is
//! answered.

use super::{
    ledger::Subject,
    person::Person,
    readers,
    world::{Answer, World, millis},
};
use anyhow::{Result, bail, ensure};
use rand::{Rng, rngs::SmallRng};
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
    pub rng: SmallRng,
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
            tokio::time::sleep(millis(&mut self.rng, 0..150)).await;
            if self.take().await?.is_none() {
                break;
            }
            // Most are given again soon, for many trials; some not before several faults have come and gone.
            let hold = if self.rng.random_range(0..10) == 0 {
                millis(&mut self.rng, 1_000..4_000)
            } else {
                millis(&mut self.rng, 30..250)
            };
            tokio::time::sleep(hold).await;
        }
        Ok(())
    }

    /// `None` when it is over.
    async fn give(&self) -> Result<Option<Answer>> {
        match &self.way {
            Way::Grant => self.grant("allow").await,
            Way::Role { id, name } => self.edit(id, name, &readers::PERMISSIONS).await,
            Way::Group { id } => self.change(Method::PUT, &self.membership(id), Value::Null, &[204]).await,
            Way::Denial => self.end_grant("deny").await,
        }
    }

    /// `None` when it is over. The moment of the answer is on record.
    async fn take(&self) -> Result<Option<()>> {
        let taken = match &self.way {
            Way::Grant => self.end_grant("allow").await?,
            Way::Role { id, name } => self.edit(id, name, &["permission.readRoles"]).await?,
            Way::Group { id } => self.change(Method::DELETE, &self.membership(id), Value::Null, &[204]).await?,
            Way::Denial => self.grant("deny").await?,
        };
        Ok(taken.map(|answer| self.world.ledger.revoked(self.subject, self.way.name(), answer.alone)))
    }

    /// A conflict is a repetition, answered when it is in force.
    async fn grant(&self, effect: &str) -> Result<Option<Answer>> {
        let grant = json!({ "principal": self.person.principal, "role": self.world.role, "effect": effect });
        self.change(Method::POST, "/v1/grants", grant, &[201, 409]).await
    }

    async fn edit(&self, role: &str, name: &str, permissions: &[&str]) -> Result<Option<Answer>> {
        let body = json!({ "name": name, "permissions": permissions });
        self.change(Method::PUT, &format!("/v1/roles/{role}"), body, &[200]).await
    }

    fn membership(&self, group: &str) -> String {
        format!("/v1/groups/{group}/members/{}", self.person.principal)
    }

    async fn change(&self, method: Method, path: &str, body: Value, right: &[u16]) -> Result<Option<Answer>> {
        let Some(answer) = self.admin.insist(&self.world, method.clone(), path, &body).await else { return Ok(None) };
        ensure!(right.contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(Some(answer))
    }

    /// Ends the person's one grant of the role with that effect. It is looked up: the answer that named it may be lost.
    async fn end_grant(&self, effect: &str) -> Result<Option<Answer>> {
        let list = format!("/v1/grants?principal={}", self.person.principal);
        let Some(listed) = self.change(Method::GET, &list, Value::Null, &[200]).await? else { return Ok(None) };
        let grants = listed.body["items"].as_array().into_iter().flatten();
        let mut ids = grants
            .filter(|grant| grant["role"] == self.world.role && grant["effect"] == effect)
            .filter_map(|grant| grant["id"].as_str());
        let Some(id) = ids.next() else {
            // Nothing is denied before the first denial.
            ensure!(effect == "deny", "{} has lost the role by itself: {}", self.person.name, listed.body);
            return Ok(Some(listed));
        };
        ensure!(ids.next().is_none(), "{} has the role twice: {}", self.person.name, listed.body);
        self.change(Method::DELETE, &format!("/v1/grants/{id}"), Value::Null, &[204]).await
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
