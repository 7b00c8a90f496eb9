//! Entries as they are written: what was changed, and who did it, as far as the request says so.

use crate::{NO_TENANT, model::Record, store};
use common::{
    db::{CrossTenantTx, Last, Scoped, TenantTx, Written},
    origin::{self, Origin},
};
use contracts::id::{Principal, TenantId};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::fmt;
use uuid::Uuid;

/// A change, to be noted in its transaction.
#[derive(Clone, Debug)]
pub struct Entry {
    action: &'static str,
    target: String,
    before: Option<Value>,
    after: Option<Value>,
    actor: Option<Actor>,
}

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Principal(Principal),
    /// Whoever gives commands on the machine.
    Operator,
    /// Somebody who has shown no more than a link that was mailed.
    Anonymous,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl From<Principal> for Actor {
    fn from(principal: Principal) -> Self {
        Self::Principal(principal)
    }
}

impl Entry {
    /// `action` says what was done (`client.deleted`), `target` to what (`client:<id>`).
    pub fn new(action: &'static str, target: impl fmt::Display) -> Self {
        Self { action, target: target.to_string(), before: None, after: None, actor: None }
    }

    /// With both states at once, where they may be absent.
    pub fn of(
        action: &'static str,
        target: impl fmt::Display,
        (before, after): (Option<Value>, Option<Value>),
    ) -> Self {
        Self { before, after, ..Self::new(action, target) }
    }

    /// What was so until now.
    #[must_use]
    pub fn before(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// What is so from now on.
    #[must_use]
    pub fn after(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }

    /// Who does it, where that is not the caller whose token came with the request.
    #[must_use]
    pub fn by(self, actor: impl Into<Actor>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// As it is written down: now, by whom the running task answers.
    pub fn recorded(self, tx: &impl Scoped) -> Record {
        let (db, origin) = (tx.db(), origin::current());
        let actor = self.actor.unwrap_or_else(|| speaker(origin.as_ref(), db.service()));
        Record {
            id: db.ambient().uuid(),
            at: db.ambient().now(),
            origin: shown(origin.as_ref(), &actor, db.service()),
            actor: actor.to_string(),
            action: self.action,
            target: self.target,
            before: self.before,
            after: self.after,
        }
    }
}

/// The caller; the service itself where nobody asks it for anything.
fn speaker(origin: Option<&Origin>, service: &str) -> Actor {
    match origin {
        Some(Origin::Request(requested)) => {
            requested.caller().map_or(Actor::Anonymous, |caller| caller.principal.clone().into())
        }
        Some(Origin::Command) => Actor::Operator,
        None => Principal::Client(service.to_owned()).into(),
    }
}

fn shown(origin: Option<&Origin>, actor: &Actor, service: &str) -> Value {
    match origin {
        Some(Origin::Request(requested)) => {
            let caller = requested.caller();
            json!({
                "request_id": requested.id.as_deref(),
                "address": requested.address,
                "client_id": caller.map(|caller| &caller.client_id),
                "session_id": caller.and_then(|caller| caller.session),
            })
        }
        Some(Origin::Command) => json!({"command": service}),
        None => match actor {
            Actor::Principal(Principal::Client(client)) => json!({"client_id": client}),
            _ => json!({"client_id": service}),
        },
    }
}

/// In the chain of the tenant whose transaction it is.
pub fn note(tx: &mut TenantTx, entry: Entry) {
    let tenant = tx.tenant();
    write_last(tx, tenant, entry);
}

/// In the chain of a tenant whose rows a transaction over all has changed.
pub fn note_for(tx: &mut CrossTenantTx, tenant: TenantId, entry: Entry) {
    write_last(tx, tenant, entry);
}

/// In the chain of what belongs to no tenant: people, and what is the platform's own.
pub fn note_of_platform(tx: &mut impl Scoped, entry: Entry) {
    write_last(tx, NO_TENANT, entry);
}

fn write_last(tx: &mut impl Scoped, chain: TenantId, entry: Entry) {
    let record = entry.recorded(tx);
    tx.write_last(Noted { chain, record });
}

struct Noted {
    chain: TenantId,
    record: Record,
}

impl Last for Noted {
    /// The chain that is everybody's comes last, so that nobody holds it while they wait for a tenant's.
    fn place(&self) -> Uuid {
        if self.chain == NO_TENANT { Uuid::max() } else { self.chain.0 }
    }

    fn write(self: Box<Self>, conn: &mut PgConnection) -> Written<'_> {
        Box::pin(async move { store::append(conn, self.chain, &self.record).await.map(drop) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_name() {
        let names = [Actor::Principal(Principal::Client("worker".into())), Actor::Operator, Actor::Anonymous];
        assert_eq!(names.map(|actor| actor.to_string()), ["client:worker", "operator", "anonymous"]);
        assert_eq!(speaker(None, "auth").to_string(), "client:auth");
        assert_eq!(speaker(Some(&Origin::Command), "auth"), Actor::Operator);
    }
}
