//! What becomes of an instance that nothing moves on any more? Every passing state is looked at again, until it ends or says why it does not.
//!
//! A message may be lost to a dead-letter queue, a worker may be away, a person may never come back. So the worker is asked for jobs whose end is
//! overdue, DNS for proofs, and what nobody finishes is deleted. Databases have deadlines of their own ([`crate::provisioning`]).
//!
//! | module | answers |
//! | --- | --- |
//! | [`overdue`] | what became of a job whose end was not heard of? |
//! | [`proofs`] | which hosts are proved by now? |
//! | [`expiry`] | what does nobody finish? |
//! | [`codes`] | which setup codes are of the old, short kind? |
//! | [`store`] | which instances are due? |

pub mod codes;
pub mod expiry;
pub mod overdue;
pub mod proofs;
pub mod store;

use crate::{app::App, instances::model::State};
use chrono::TimeDelta;
use common::problem::Chain;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Looks for what is due this often; deadlines are minutes.
const POLL: Duration = Duration::from_secs(2);
/// Instances taken at a time: the worker is asked for one after the other, within [`LEASE`]; DNS for all at once.
const BATCH: i64 = 8;
/// Other processes leave what one has taken alone for this long: the longest calls of a whole batch, and some.
const LEASE: TimeDelta = TimeDelta::seconds(90);

/// How long a state passes before it is first looked at.
pub fn first_look(state: State) -> TimeDelta {
    match state {
        // Most jobs have ended by then, and their message has come.
        State::Migrating | State::Seeding => TimeDelta::seconds(60),
        // Whoever reads what the record must say needs a while to make it.
        State::AwaitingProof => TimeDelta::seconds(30),
        State::Requested
        | State::Provisioning
        | State::AwaitingSetup
        | State::Active
        | State::Deleting
        | State::Deleted => TimeDelta::zero(),
    }
}

/// What one loop looks at. Proofs have a loop of their own: how slow their name servers are is up to strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Proofs,
    TheRest,
}

/// Looks at its part of what is due until `shutdown`.
pub async fn run(app: App, part: Part, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let looked = tokio::select! {
            () = shutdown.cancelled() => return,
            looked = look(&app, part) => looked,
        };
        match looked {
            Ok(done) if done > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "Instances that are due cannot be looked at"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Looks once at a batch of everything that is due; gives how much that was.
pub async fn pass(app: &App) -> sqlx::Result<usize> {
    Ok(look(app, Part::TheRest).await? + look(app, Part::Proofs).await?)
}

async fn look(app: &App, part: Part) -> sqlx::Result<usize> {
    match part {
        Part::Proofs => proofs::look_up(app).await,
        Part::TheRest => Ok(codes::renew(app).await? + overdue::ask(app).await? + expiry::delete(app).await?),
    }
}
