//! SQL of the comparison: when it is due, what is in use here, and what was found.

use super::compare::{Difference, DiscrepancyKind, InUse, Key};
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
};
use contracts::{
    http::instances::EndedFeature,
    id::{InstanceId, TenantId},
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Instances from one id, without it, to another, with it.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub after: InstanceId,
    pub last: InstanceId,
}

/// One that lasts.
pub struct Confirmed {
    pub id: Uuid,
    pub key: Key,
    pub kind: DiscrepancyKind,
}

/// If it is due and nobody else has taken it up: until when nobody else does.
pub async fn take(
    tx: &mut CrossTenantTx,
    now: DateTime<Utc>,
    lease: DateTime<Utc>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let taken =
        sqlx::query_scalar!("UPDATE reconciliation SET due_at = $2 WHERE due_at <= $1 RETURNING due_at", now, lease);
    taken.fetch_optional(&mut **tx).await
}

/// Whoever took it up until `lease` has come to its end at `finished_at`, or has not. It is due again at `due_at`, or
/// earlier if somebody has said so meanwhile.
pub async fn finish(
    tx: &mut CrossTenantTx,
    lease: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reconciliation SET due_at = CASE due_at WHEN $1 THEN $3 ELSE due_at END,
           finished_at = coalesce($2, finished_at)",
        lease,
        finished_at,
        due_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// It is due now.
pub async fn hasten(tx: &mut CrossTenantTx, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE reconciliation SET due_at = $1", now).execute(&mut **tx).await.map(drop)
}

/// When the last one came to its end.
pub async fn finished(tx: &mut CrossTenantTx) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("SELECT finished_at FROM reconciliation").fetch_one(&mut **tx).await
}

/// Features of a range of instances that billing takes to be in use.
pub async fn in_use(tx: &mut CrossTenantTx, range: Range) -> sqlx::Result<BTreeMap<Key, InUse>> {
    let rows = sqlx::query!(
        "SELECT instance_id, feature, tenant_id, service, begin_at FROM usage_interval
         WHERE end_at IS NULL AND instance_id > $1 AND instance_id <= $2",
        range.after.0,
        range.last.0
    );
    let rows = rows.fetch_all(&mut **tx).await?.into_iter();
    Ok(rows
        .map(|row| {
            let key = Key { instance: InstanceId(row.instance_id), feature: row.feature };
            (key, InUse { tenant: TenantId(row.tenant_id), service: row.service, since: row.begin_at })
        })
        .collect())
}

/// Since when billing takes the feature to be in use; `None` if it does not.
pub async fn since(tx: &mut TenantTx, key: &Key) -> sqlx::Result<Option<DateTime<Utc>>> {
    let since = sqlx::query_scalar!(
        "SELECT begin_at FROM usage_interval
         WHERE tenant_id = $1 AND instance_id = $2 AND feature = $3 AND end_at IS NULL",
        tx.tenant().0,
        key.instance.0,
        key.feature
    );
    since.fetch_optional(&mut **tx).await
}

/// The features of whose past billing lacks something: there is no interval from then until then.
pub async fn unheard(
    conn: &mut PgConnection,
    past: impl Iterator<Item = (Key, &EndedFeature)>,
) -> sqlx::Result<BTreeSet<Key>> {
    let past: Vec<_> = past.collect();
    let rows = sqlx::query!(
        r#"SELECT DISTINCT instance_id AS "instance_id!", feature AS "feature!"
           FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
             AS past (instance_id, feature, since, until)
           WHERE NOT EXISTS (SELECT FROM usage_interval i WHERE i.instance_id = past.instance_id
             AND i.feature = past.feature AND i.begin_at = past.since AND i.end_at = past.until)"#,
        &past.iter().map(|(key, _)| key.instance.0).collect::<Vec<_>>(),
        &past.iter().map(|(key, _)| key.feature.clone()).collect::<Vec<_>>(),
        &past.iter().map(|(_, ended)| ended.since).collect::<Vec<_>>(),
        &past.iter().map(|(_, ended)| ended.until).collect::<Vec<_>>()
    );
    let rows = rows.fetch_all(conn).await?.into_iter();
    Ok(rows.map(|row| Key { instance: InstanceId(row.instance_id), feature: row.feature }).collect())
}

/// Notes what was found at `now`: open is what is the same as it was seen before `since`, all else is suspected.
pub async fn note(
    tx: &mut CrossTenantTx,
    ambient: &Ambient,
    found: &[Difference],
    since: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO feature_discrepancy AS old (id, tenant_id, instance_id, service, feature, kind, since_here,
           since_there, state, first_seen_at)
         SELECT id, tenant_id, instance_id, service, feature, kind, since_here, since_there, 'suspected', $1
         FROM UNNEST($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
           $10::timestamptz[])
           AS found (id, tenant_id, instance_id, service, feature, kind, since_here, since_there)
         ON CONFLICT (instance_id, feature) WHERE resolved_at IS NULL DO UPDATE SET
           tenant_id = excluded.tenant_id, service = excluded.service, kind = excluded.kind,
           since_here = excluded.since_here, since_there = excluded.since_there,
           first_seen_at = CASE WHEN (old.kind, old.since_here, old.since_there)
             IS NOT DISTINCT FROM (excluded.kind, excluded.since_here, excluded.since_there)
             THEN old.first_seen_at ELSE excluded.first_seen_at END,
           state = CASE WHEN (old.kind, old.since_here, old.since_there)
             IS NOT DISTINCT FROM (excluded.kind, excluded.since_here, excluded.since_there)
             AND old.first_seen_at <= $2 THEN 'open' ELSE 'suspected' END",
        ambient.now(),
        since,
        &found.iter().map(|_| ambient.uuid()).collect::<Vec<_>>(),
        &found.iter().map(|of| of.tenant.0).collect::<Vec<_>>(),
        &found.iter().map(|of| of.key.instance.0).collect::<Vec<_>>(),
        &found.iter().map(|of| of.service.clone()).collect::<Vec<_>>(),
        &found.iter().map(|of| of.key.feature.clone()).collect::<Vec<_>>(),
        &found.iter().map(|of| of.kind.name().to_owned()).collect::<Vec<_>>(),
        &found.iter().map(|of| of.since_here).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &found.iter().map(|of| of.since_there).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// What is not found any more in a range: it was a message under way, or has been resolved.
pub async fn resolve(
    tx: &mut CrossTenantTx,
    range: Range,
    found: &[Difference],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (SELECT id FROM feature_discrepancy WHERE resolved_at IS NULL AND instance_id > $1
             AND instance_id <= $2
             AND (instance_id, feature) NOT IN (SELECT * FROM UNNEST($3::uuid[], $4::text[]))),
           passing AS (DELETE FROM feature_discrepancy WHERE state = 'suspected' AND id IN (SELECT id FROM gone))
         UPDATE feature_discrepancy SET state = 'resolved', resolved_at = $5
         WHERE state = 'open' AND id IN (SELECT id FROM gone)",
        range.after.0,
        range.last.0,
        &found.iter().map(|of| of.key.instance.0).collect::<Vec<_>>(),
        &found.iter().map(|of| of.key.feature.clone()).collect::<Vec<_>>(),
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// What lasts, of a range of instances.
pub async fn confirmed(tx: &mut CrossTenantTx, range: Range) -> sqlx::Result<Vec<Confirmed>> {
    let rows = sqlx::query!(
        r#"SELECT id, instance_id, feature, kind AS "kind: DiscrepancyKind" FROM feature_discrepancy
           WHERE state = 'open' AND resolved_at IS NULL AND instance_id > $1 AND instance_id <= $2
           ORDER BY instance_id, feature"#,
        range.after.0,
        range.last.0
    );
    let rows = rows.fetch_all(&mut **tx).await?.into_iter();
    let key = |instance, feature| Key { instance: InstanceId(instance), feature };
    Ok(rows.map(|row| Confirmed { id: row.id, key: key(row.instance_id, row.feature), kind: row.kind }).collect())
}

pub async fn healed(tx: &mut CrossTenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE feature_discrepancy SET state = 'healed', resolved_at = $2 WHERE id = $1 AND resolved_at IS NULL",
        id,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Forgets at most `most` that were resolved before `until`.
pub async fn forget(tx: &mut CrossTenantTx, until: DateTime<Utc>, most: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM feature_discrepancy WHERE id IN (SELECT id FROM feature_discrepancy WHERE resolved_at < $1 LIMIT $2)",
        until,
        most
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Those that last.
pub async fn counts(tx: &mut CrossTenantTx) -> sqlx::Result<Vec<(DiscrepancyKind, i64)>> {
    let counts = sqlx::query!(
        r#"SELECT kind AS "kind: DiscrepancyKind", count(*) AS "count!" FROM feature_discrepancy
           WHERE state = 'open' AND resolved_at IS NULL GROUP BY kind"#
    );
    Ok(counts.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.kind, row.count)).collect())
}
