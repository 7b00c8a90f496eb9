//! SQL of intervals in which features are used, and of what is used and not billed yet.

use super::{model::Owner, range::Range};
use chrono::{DateTime, Utc};
use common::{
    ambient::Ambient,
    db::{CrossTenantTx, TenantTx},
};
use contracts::{
    id::{InstanceId, TenantId},
    messages::{FeatureDisabled, FeatureEnabled},
};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why something is on no invoice yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Unbilled {
    /// It is on the invoice of the open cycle, once that has ended.
    CycleOpen,
    /// Its cycle has ended, and the invoice is being made.
    CycleClosing,
    /// Its cycle has ended, and somebody must see to why no invoice can be made of it.
    CycleParked,
    /// The plan has no rate for it. It is kept, and billed once there is one.
    Unrated,
}

/// A feature that is in use, or was in the open cycle.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FeatureUse {
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum.polls")]
    pub feature: String,
    pub instance_id: InstanceId,
    #[schema(example = "acme.forum.localhost")]
    pub host: String,
    pub since: DateTime<Utc>,
    /// Of the service, when it began; absent where nobody said so.
    #[schema(example = "1.0.0")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Absent while it is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    pub unbilled_because: Unbilled,
}

/// What a meter has counted and no invoice has billed yet, at one rate and for one reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeterUse {
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum.posts")]
    pub meter: String,
    /// What one unit is; absent without a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "post")]
    pub unit: Option<String>,
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    pub events: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub unbilled_because: Unbilled,
}

/// What was metered, and how much was read for it.
pub struct Metered {
    pub uses: Vec<MeterUse>,
    pub events: usize,
    /// With each of its rates.
    pub meters: usize,
}

/// Changes of one instance's features are taken one after the other, until the transaction ends.
pub async fn lock_instance(conn: &mut PgConnection, instance: InstanceId) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0)) AS locked", instance.0)
        .fetch_one(conn)
        .await
        .map(drop)
}

/// Whose instance it is; `None` until one of its features has been enabled.
pub async fn owner(tx: &mut CrossTenantTx, instance: InstanceId) -> sqlx::Result<Option<Owner>> {
    Ok(owners(tx, &[instance.0]).await?.remove(&instance))
}

/// Whose these instances are, as far as it is known.
pub async fn owners(tx: &mut CrossTenantTx, instances: &[Uuid]) -> sqlx::Result<HashMap<InstanceId, Owner>> {
    let owners = sqlx::query!(
        "SELECT DISTINCT ON (instance_id) instance_id, tenant_id, service FROM usage_interval
         WHERE instance_id = ANY($1) ORDER BY instance_id, begin_at",
        instances
    );
    let owners = owners.fetch_all(&mut **tx).await?.into_iter();
    Ok(owners
        .map(|row| (InstanceId(row.instance_id), Owner { tenant: TenantId(row.tenant_id), service: row.service }))
        .collect())
}

/// The tenant that the instance's intervals belong to, if there are any.
pub async fn tenant_of(tx: &mut CrossTenantTx, instance: InstanceId) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!(
        r#"SELECT tenant_id FROM usage_interval WHERE instance_id = $1
           UNION ALL SELECT tenant_id FROM feature_end WHERE instance_id = $1 LIMIT 1"#,
        instance.0
    );
    Ok(tenant.fetch_optional(&mut **tx).await?.flatten().map(TenantId))
}

/// Opens an interval that lasts until the next change that is known, whichever order the changes arrive in.
pub async fn begin(tx: &mut TenantTx, ambient: &Ambient, change: &FeatureEnabled) -> sqlx::Result<()> {
    end_before(tx, change.instance_id, &change.feature, change.effective_at).await?;
    sqlx::query!(
        "INSERT INTO usage_interval (id, tenant_id, instance_id, service, feature, host, begin_at, end_at,
         billed_until, version)
         SELECT $1, $2, $3, $4, $5, $6, $7, least(
                (SELECT min(at) FROM feature_end WHERE tenant_id = $2 AND instance_id = $3 AND feature = $5
                AND at > $7),
                (SELECT min(begin_at) FROM usage_interval WHERE tenant_id = $2 AND instance_id = $3 AND feature = $5
                AND begin_at > $7)), $7, $8
         WHERE NOT EXISTS (SELECT FROM usage_interval WHERE tenant_id = $2 AND instance_id = $3 AND feature = $5
         AND begin_at = $7)",
        ambient.uuid(),
        tx.tenant().0,
        change.instance_id.0,
        change.service,
        change.feature,
        change.host,
        change.effective_at,
        change.version,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends the interval that lasts at `effective_at`, or the one that turns out to, once its beginning arrives.
pub async fn end(tx: &mut TenantTx, change: &FeatureDisabled) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO feature_end (instance_id, feature, at, tenant_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        change.instance_id.0,
        change.feature,
        change.effective_at,
        tx.tenant().0,
    )
    .execute(&mut **tx)
    .await?;
    end_before(tx, change.instance_id, &change.feature, change.effective_at).await
}

async fn end_before(tx: &mut TenantTx, instance: InstanceId, feature: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE usage_interval SET end_at = $4
         WHERE tenant_id = $1 AND instance_id = $2 AND feature = $3 AND begin_at < $4 AND (end_at IS NULL
         OR end_at > $4)",
        tx.tenant().0,
        instance.0,
        feature,
        at,
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Features in use in `range`, with time that is not billed yet; at most `most`.
pub async fn features(tx: &mut TenantTx, range: Range, most: usize) -> sqlx::Result<Vec<FeatureUse>> {
    let features = sqlx::query_as!(
        FeatureUse,
        r#"WITH closing AS (SELECT max(end_at) AS end_at, bool_or(parked_reason IS NOT NULL) AS parked
             FROM cycle WHERE tenant_id = $1 AND state = 'closing')
           SELECT i.service, i.feature, i.instance_id, i.host, i.begin_at AS since, i.version, i.end_at AS until,
             CASE WHEN NOT EXISTS (SELECT FROM tenant_rate r JOIN account a ON a.tenant_id = $1 AND a.currency = r.currency
               WHERE r.tenant_id = $1 AND r.kind = 'feature' AND r.service = i.service AND r.name = i.feature
                 AND r.rate_from_at <= i.billed_until AND i.billed_until < coalesce(r.until_at, 'infinity')) THEN 'unrated'
               WHEN i.billed_until < (SELECT end_at FROM closing)
               THEN CASE WHEN (SELECT parked FROM closing) THEN 'cycle_parked' ELSE 'cycle_closing' END
               ELSE 'cycle_open' END AS "unbilled_because!: Unbilled"
           FROM usage_interval i
           WHERE i.tenant_id = $1 AND NOT i.settled AND i.begin_at < $3 AND (i.end_at IS NULL OR i.end_at >= $2)
           ORDER BY i.feature, i.begin_at, i.id LIMIT $4"#,
        tx.tenant().0,
        range.from,
        range.until,
        most as i64
    );
    features.fetch_all(&mut **tx).await
}

/// What was metered and is not billed yet: what was used in `range` and no cut has taken, and what waits for a rate.
/// Reads at most `most_events` events, also some that are billed, and at most `most_meters` meters and rates.
pub async fn meters(tx: &mut TenantTx, range: Range, most_events: usize, most_meters: usize) -> sqlx::Result<Metered> {
    let meters = sqlx::query!(
        r#"WITH cut AS (SELECT cut_seq, end_at FROM cycle WHERE tenant_id = $1 AND state = 'closed'
             ORDER BY cut_seq DESC LIMIT 1),
           closing AS (SELECT max(cut_seq) AS cut_seq, max(end_at) AS end_at,
               bool_or(parked_reason IS NOT NULL) AS parked
             FROM cycle WHERE tenant_id = $1 AND state = 'closing'),
           read AS (
             SELECT service, meter, instance_id, occurred_at, quantity, seq FROM usage_event
             WHERE tenant_id = $1 AND occurred_at >= $2 AND occurred_at < $3
               AND id >= lowest_id_at(greatest(coalesce((SELECT end_at FROM cut), 'epoch'), $2) - interval '2 days')
             LIMIT $4
           ),
           open AS (
             SELECT service, meter, instance_id, occurred_at AS from_at, quantity, 1 AS events, occurred_at AS first_at,
               occurred_at AS last_at, 1 AS read,
               seq > coalesce((SELECT cut_seq FROM cut), 0) OR occurred_at >= (SELECT end_at FROM cut) AS counts,
               coalesce(seq <= (SELECT cut_seq FROM closing) AND occurred_at < (SELECT end_at FROM closing), false)
                 AS is_cut
             FROM read
             UNION ALL
             SELECT service, meter, instance_id, lower(times), quantity, events, period_start, period_end, 0, true, false
             FROM usage_part WHERE tenant_id = $1 AND line_id IS NULL
           )
           SELECT e.service AS "service!", e.meter AS "meter!", r.unit AS "unit?",
             sum(e.quantity) FILTER (WHERE counts) AS quantity, sum(e.events) FILTER (WHERE counts)::bigint AS events,
             min(e.first_at) FILTER (WHERE counts) AS first_at, max(e.last_at) FILTER (WHERE counts) AS last_at,
             CASE WHEN r.id IS NULL THEN 'unrated' WHEN NOT e.is_cut THEN 'cycle_open'
               WHEN (SELECT parked FROM closing) THEN 'cycle_parked' ELSE 'cycle_closing'
             END AS "unbilled_because!: Unbilled",
             sum(e.read)::bigint AS "read!"
           FROM open e
           LEFT JOIN account a ON a.tenant_id = $1
           LEFT JOIN tenant_rate r ON r.tenant_id = $1 AND r.kind = 'meter' AND r.service = e.service
             AND r.name = e.meter AND r.currency = a.currency AND r.from_at <= e.from_at
             AND e.from_at < coalesce(r.until_at, 'infinity')
           GROUP BY e.service, e.meter, r.id, r.unit, e.is_cut ORDER BY e.meter, min(e.first_at) LIMIT $5"#,
        tx.tenant().0,
        range.from,
        range.until,
        most_events as i64,
        most_meters as i64
    );
    let rows = meters.fetch_all(&mut **tx).await?;
    let (events, meters) = (rows.iter().map(|row| row.read).sum::<i64>() as usize, rows.len());
    let uses = rows.into_iter().filter_map(|row| {
        Some(MeterUse {
            service: row.service,
            meter: row.meter,
            unit: row.unit,
            quantity: row.quantity?,
            events: row.events?,
            first_at: row.first_at?,
            last_at: row.last_at?,
            unbilled_because: row.unbilled_because,
        })
    });
    Ok(Metered { uses: uses.collect(), events, meters })
}
