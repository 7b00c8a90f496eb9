//! Hosts that wait for their proof: which are proved by now? DNS is asked less and less often the longer a proof is
//! missing.

use super::{BATCH, LEASE, store};
use crate::{
    app::App,
    domains::proof::{self, Unknown, Verdict},
    instances,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::{Background, TenantScope},
    problem::Chain,
};
use contracts::id::InstanceId;
use futures_util::future::join_all;

/// Between two looks at the same record, at first and at last.
const OFTENEST: TimeDelta = TimeDelta::seconds(30);
const SELDOMEST: TimeDelta = TimeDelta::hours(1);
/// What people are told; they may ask for another look once the host is free, or cancel.
const TAKEN: &str = "The host is proved, but an instance lives on it: somebody else has proved it before.";

pub async fn look_up(app: &App, background: Background) -> sqlx::Result<usize> {
    let now = app.ambient.now();
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let due = store::take_unproved(&mut tx, now, now + LEASE, BATCH).await?;
    tx.commit().await?;
    let looked = join_all(due.iter().map(|due| look(app, background.scope(&app.db, due.tenant_id), due.id))).await;
    for (due, looked) in due.iter().zip(looked) {
        match looked {
            Ok(()) => {}
            Err(Unknown::Database(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), instance_id = %due.id, "It is not known whether a host is \
                    proved")
            }
        }
    }
    Ok(due.len())
}

/// While DNS does not answer, the next look is after the lease.
async fn look(app: &App, tenant: TenantScope, id: InstanceId) -> Result<(), Unknown> {
    let instance = instances::store::get(&mut tenant.begin().await?, id).await?;
    let Some(instance) = instance else { return Ok(()) };
    let Some(awaited) = proof::awaited(&instance) else { return Ok(()) };
    let verdict = proof::verify(&app.resolver, &tenant, id, &awaited).await?;
    let now = app.ambient.now();
    let mut tx = tenant.begin().await?;
    let still = instances::store::lock(&mut tx, id).await?.is_some_and(|instance| proof::awaited(&instance).is_some());
    match verdict {
        Verdict::Missing if still => store::look_again(&mut tx, id, next(instance.state_since, now)).await?,
        Verdict::Taken if still => instances::store::fail(&mut tx, id, TAKEN, now).await?,
        Verdict::Missing | Verdict::Taken | Verdict::Proved | Verdict::Over => {}
    }
    Ok(tx.commit().await?)
}

fn next(since: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    now + ((now - since) / 4).clamp(OFTENEST, SELDOMEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer() {
        let since = DateTime::UNIX_EPOCH;
        let wait = |age: TimeDelta| next(since, since + age) - (since + age);
        assert_eq!(wait(TimeDelta::zero()), OFTENEST);
        assert_eq!(wait(TimeDelta::hours(2)), TimeDelta::minutes(30));
        assert_eq!((wait(TimeDelta::days(3)), wait(TimeDelta::days(-1))), (SELDOMEST, OFTENEST));
    }
}
