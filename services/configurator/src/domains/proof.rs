//! Which DNS record proves a host, and is it there? A TXT record that only whoever runs the host's domain can make (as in RFC 8555 §8.4).
//!
//! Its value is a random text of one instance, and so of one tenant. Instances that wait for their proof hold no host: the first to prove has it.

use super::resolver::Unresolved;
use crate::{
    app::App,
    instances::{
        self,
        model::{State, Step},
        store::Instance,
        transitions,
    },
};
use common::{
    db,
    problem::{Problem, constraint},
};
use messaging::OutboxError;
use serde::Serialize;
use utoipa::ToSchema;

const PREFIX: &str = "_sevenleague-challenge.";
/// The record's name must be one that DNS can hold.
pub const LONGEST_HOST: usize = 253 - PREFIX.len();

/// The DNS record that proves that a host is the tenant's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostProof {
    #[schema(example = "TXT")]
    pub record_type: &'static str,
    #[schema(example = "_sevenleague-challenge.forum.example.com")]
    pub record_name: String,
    /// What the record says, and nothing else; other TXT records of the same name do not matter.
    pub record_value: String,
}

/// What came of looking at a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proved,
    /// The record is not there, or says something else.
    Missing,
    /// It is right, but an instance lives on the host: another tenant has proved it before.
    Taken,
    /// The instance waits for no proof any more.
    Over,
}

/// Why it is not known whether a host is proved.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    #[error(transparent)]
    Dns(#[from] Unresolved),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the next step was not ordered")]
    Outbox(#[from] OutboxError),
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Dns(error) => {
                tracing::warn!(error = %common::problem::Chain(&error), "A proof of a host cannot be looked up");
                Self::unavailable(AGAIN, "DNS cannot be asked right now.")
            }
            Unknown::Database(error) => error.into(),
            Unknown::Outbox(error) => instances::routes::not_written(error),
        }
    }
}

/// Seconds after which name servers may answer again.
const AGAIN: u32 = 10;

/// The record that an instance waits for; `None` if it waits for none.
pub fn awaited(instance: &Instance) -> Option<HostProof> {
    let value = instance.proof_token.clone().filter(|_| instance.state == State::AwaitingProof)?;
    Some(HostProof { record_type: "TXT", record_name: format!("{PREFIX}{}", instance.host), record_value: value })
}

/// Looks the record up and, if it is there, moves the instance on.
pub async fn verify(app: &App, waiting: &Instance, proof: &HostProof) -> Result<Verdict, Unknown> {
    let found = app.resolver.txt(&proof.record_name).await?;
    if !found.iter().any(|text| text.trim() == proof.record_value) {
        return Ok(Verdict::Missing);
    }
    let mut tx = db::begin(&app.pool, waiting.tenant_id).await?;
    let instance = instances::store::lock(&mut tx, waiting.id).await?;
    let Some(instance) =
        instance.filter(|instance| awaited(instance).is_some_and(|awaited| awaited.record_value == proof.record_value))
    else {
        return Ok(Verdict::Over);
    };
    let Some(state) = instance.state.after(Step::Proved) else { return Ok(Verdict::Over) };
    match transitions::enter(&mut tx, &app.ambient, &instance, state).await {
        Err(OutboxError::Database(error)) if constraint(&error) == Some("instances_host") => Ok(Verdict::Taken),
        entered => {
            entered?;
            tx.commit().await?;
            tracing::info!(instance_id = %waiting.id, "The host of an instance is proved");
            Ok(Verdict::Proved)
        }
    }
}
