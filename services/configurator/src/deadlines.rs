//! Deadlines: what becomes of an instance that nothing moves on any more? Every passing state is looked at again, until
//! it ends or says why it does not.
//!
//! A message may be lost to a dead-letter queue, a worker may be away, a person may never come back. So the worker is
//! asked for jobs whose end is overdue, DNS for proofs, and what nobody finishes is deleted. Databases have deadlines
//! of their own ([`crate::provisioning`]).

pub mod expiry;
pub mod overdue;
pub mod proofs;
pub mod store;

use crate::app::App;
use chrono::TimeDelta;
use common::{db::Background, poller::Poller};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Looks for what is due this often; deadlines are minutes.
const POLL: Duration = Duration::from_secs(2);
/// Instances taken at a time: the worker is asked for one after the other, within [`LEASE`]; DNS for all at once.
const BATCH: i64 = 8;
/// Other processes leave what one has taken alone for this long: the longest calls of a whole batch, and some.
const LEASE: TimeDelta = TimeDelta::seconds(90);

/// What one loop looks at. Proofs have a loop of their own: how slow their name servers are is up to strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Proofs,
    TheRest,
}

/// Looks at its part of what is due until `shutdown`.
pub async fn run(app: App, background: Background, part: Part, shutdown: CancellationToken) {
    let mut poller = Poller::every(POLL, shutdown.clone());
    while poller.next().await {
        let looked = shutdown.run_until_cancelled(look(&app, background, part)).await;
        poller.report(looked.unwrap_or(Ok(0)).map(|done| done > 0), "Instances that are due cannot be looked at");
    }
}

/// Looks once at a batch of everything that is due; gives how much that was.
pub async fn pass(app: &App, background: Background) -> sqlx::Result<usize> {
    Ok(look(app, background, Part::TheRest).await? + look(app, background, Part::Proofs).await?)
}

async fn look(app: &App, background: Background, part: Part) -> sqlx::Result<usize> {
    match part {
        Part::Proofs => proofs::look_up(app, background).await,
        Part::TheRest => Ok(overdue::ask(app, background).await? + expiry::delete(app, background).await?),
    }
}
