//! SQL of metered events: each is kept once under its key, for ever, and never changed.

use super::{
    insert_store::{Columns, Receipt},
    model::digests,
};
use chrono::TimeDelta;
use common::{ambient::Ambient, db::TenantTx};
use contracts::messages::UsageRecorded;
use messaging::weeks::Weekly;
use std::collections::HashSet;

/// Their weeks. A line can be proved from its raw rows for as long as they are kept; keys are kept for ever.
pub const WEEKS: Weekly = Weekly {
    table: "usage_event",
    // Those before the first are not missed.
    add: "CALL usage_event_add_weeks(greatest($1, $2 - interval '22 days'), $2)",
    kept: TimeDelta::days(3 * 366),
};

/// Keeps each event under its key; of several with the same one, the first. A cut of the tenant's usage waits until this
/// transaction ends, or this waits for the cut: no event before a cut becomes visible after it.
pub async fn record(tx: &mut TenantTx, ambient: &Ambient, events: &[&UsageRecorded]) -> sqlx::Result<Vec<Receipt>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    hold_shared(tx).await?;
    let given = Columns::of(ambient, events);
    let (keys, bodies): (Vec<_>, Vec<_>) = events.iter().map(|event| digests(event)).unzip();
    // In the order of their keys, so that nobody waits in a circle.
    let inserted = sqlx::query_scalar!(
        "WITH given AS (SELECT * FROM UNNEST($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::uuid[],
             $9::text[], $10::numeric[], $11::timestamptz[])
             WITH ORDINALITY
             AS given (id, digest, body, service, key, instance_id, meter, quantity, occurred_at, place)),
           first AS (SELECT DISTINCT ON (digest) * FROM given ORDER BY digest, place),
           new AS (INSERT INTO usage_key (tenant_id, key, body) SELECT $1, digest, body FROM first ORDER BY digest
             ON CONFLICT DO NOTHING RETURNING key)
         INSERT INTO usage_event (tenant_id, id, seq, service, instance_id, meter, key, quantity, occurred_at,
           received_at)
         SELECT $1, id, nextval('usage_seq'), service, instance_id, meter, first.key, quantity, occurred_at, $2
         FROM first JOIN new ON new.key = first.digest RETURNING id",
        tx.tenant().0,
        ambient.now(),
        &given.ids,
        &keys,
        &bodies,
        &given.services,
        &given.keys,
        &given.instances,
        &given.meters,
        &given.quantities,
        &given.times
    );
    let new: HashSet<_> = inserted.fetch_all(&mut **tx).await?.into_iter().collect();
    if new.len() == events.len() {
        return Ok(given.receipts(&new, &HashSet::new()));
    }
    let same = sqlx::query_scalar!(
        r#"SELECT given.place AS "place!" FROM UNNEST($2::uuid[], $3::uuid[]) WITH ORDINALITY AS given (key, body, place)
           JOIN usage_key k ON k.tenant_id = $1 AND k.key = given.key AND k.body = given.body"#,
        tx.tenant().0,
        &keys,
        &bodies
    );
    let same = same.fetch_all(&mut **tx).await?.into_iter().collect();
    Ok(given.receipts(&new, &same))
}

/// Together with others who record.
async fn hold_shared(tx: &mut TenantTx) -> sqlx::Result<()> {
    let tenant = tx.tenant().0;
    sqlx::query!("SELECT pg_advisory_xact_lock_shared(hashtextextended('usage ' || $1::uuid::text, 0)) AS held", tenant)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}

/// Alone: all usage that was numbered before is committed or gone, and none is numbered until this transaction ends.
/// Fails after `patience`, as PostgreSQL writes times.
pub async fn hold_alone(tx: &mut TenantTx, patience: &str) -> sqlx::Result<()> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "SELECT set_config('lock_timeout', $2, true),
           pg_advisory_xact_lock(hashtextextended('usage ' || $1::uuid::text, 0)) AS held",
        tenant,
        patience
    )
    .fetch_one(&mut **tx)
    .await
    .map(drop)
}
