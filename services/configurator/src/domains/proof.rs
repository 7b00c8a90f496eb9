//! Proofs of hosts: is the record there? A TXT record that only whoever runs the host's domain can make (as in RFC 8555
//! §8.4).
//!
//! Its value is a random text of one instance, and so of one tenant. Instances that wait for their proof hold no host:
//! the first to prove has it.

use super::{
    challenge::HostProof,
    resolver::{Resolver, Unresolved},
};
use crate::instances::{
    model::{self, InstanceState, Step},
    store::{self, Instance},
    transitions,
};
use common::{
    db::TenantScope,
    problem::{Chain, Problem, constraint},
};
use contracts::id::InstanceId;
use messaging::OutboxError;

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
                tracing::warn!(error = %Chain(&error), "A proof of a host cannot be looked up");
                Self::unavailable(AGAIN, "DNS cannot be asked right now.")
            }
            Unknown::Database(error) => error.into(),
            Unknown::Outbox(error) => error.into(),
        }
    }
}

/// Seconds after which name servers may answer again.
const AGAIN: u32 = 10;

/// The record that an instance waits for; `None` if it waits for none.
pub fn awaited(instance: &Instance) -> Option<HostProof> {
    let value = instance.proof_token.clone().filter(|_| instance.state == InstanceState::AwaitingProof)?;
    Some(HostProof::of(&instance.host, value))
}

/// Looks the record up and, if it is there, moves the instance on.
pub async fn verify(
    resolver: &Resolver,
    tenant: &TenantScope,
    id: InstanceId,
    proof: &HostProof,
) -> Result<Verdict, Unknown> {
    let found = resolver.txt(&proof.record_name).await?;
    if !found.iter().any(|text| text.trim() == proof.record_value) {
        return Ok(Verdict::Missing);
    }
    let mut tx = tenant.begin().await?;
    let instance = store::lock(&mut tx, id).await?;
    let Some(instance) =
        instance.filter(|instance| awaited(instance).is_some_and(|awaited| awaited.record_value == proof.record_value))
    else {
        return Ok(Verdict::Over);
    };
    let Some(state) = model::after(instance.state, Step::Proved) else { return Ok(Verdict::Over) };
    match transitions::enter(&mut tx, &instance, state).await {
        Err(OutboxError::Database(error)) if constraint(&error) == Some("instances_host") => Ok(Verdict::Taken),
        entered => {
            entered?;
            tx.commit().await?;
            tracing::info!(instance_id = %id, "The host of an instance is proved");
            Ok(Verdict::Proved)
        }
    }
}
