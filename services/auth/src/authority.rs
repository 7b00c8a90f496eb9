//! The right to speak for somebody else: only who holds all that the other holds has it. The permission service knows,
//! and is asked each time.
//!
//! Whatever makes a credential of somebody else, or ends what somebody else is, takes a [`SpeaksFor`]; there is no
//! other way to get one. While the permission service is away the answer is 503.

use crate::app::App;
use access::Allowed;
use common::problem::Problem;
use contracts::{
    http::authority::{AuthorityAnswer, AuthorityRequest, Subject},
    id::{ClientId, Principal, UserId},
};

/// The caller holds all that this machine or person holds.
#[derive(Clone, Copy, Debug)]
pub struct SpeaksFor<T>(T);

impl<T: Copy> SpeaksFor<T> {
    pub fn whom(self) -> T {
        self.0
    }
}

impl SpeaksFor<ClientId> {
    /// It is made in this very request: nobody can have granted it anything.
    pub fn newly_made(client: ClientId) -> Self {
        Self(client)
    }

    pub async fn client<P>(app: &App, caller: &Allowed<P>, client: ClientId) -> Result<Self, Problem> {
        let principal = Principal::from(client);
        refuse_excess(app, caller, Subject::Principal { principal }).await.map(|()| Self(client))
    }
}

impl SpeaksFor<UserId> {
    pub fn oneself(user: UserId) -> Self {
        Self(user)
    }

    pub async fn member<P>(app: &App, caller: &Allowed<P>, user: UserId) -> Result<Self, Problem> {
        let principal = Principal::User(user);
        if caller.principal == principal {
            return Ok(Self(user));
        }
        refuse_excess(app, caller, Subject::Principal { principal }).await.map(|()| Self(user))
    }
}

/// 403 `escalation` unless the caller, with the token at hand, holds all of it.
pub async fn refuse_excess<P>(app: &App, caller: &Allowed<P>, over: Subject) -> Result<(), Problem> {
    let scope = caller.claims.scope.as_deref().map(|scope| scope.split(' ').map(str::to_owned).collect());
    let request = AuthorityRequest { tenant_id: caller.tenant, actor: caller.principal.clone(), scope, over };
    let answer: AuthorityAnswer =
        app.client.post(&format!("{}/internal/authority", app.base.permission_url), &request).await?;
    if answer.holds { Ok(()) } else { Err(escalation(&answer.lacking)) }
}

fn escalation(lacking: &[String]) -> Problem {
    let what =
        if lacking.is_empty() { "what is registered later, or for longer".to_owned() } else { lacking.join(", ") };
    Problem::forbidden(
        "escalation",
        format!("This needs all that the other has, or would get, and you do not have: {what}."),
    )
}
