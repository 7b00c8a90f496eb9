//! SQL of lanes: the waiting jobs of one tenant, kind, version and bundle. Which may have a job begun now?
//!
//! A lane is removed only while nobody can enter it: see `0026_job_lanes.sql`.

use super::{
    limits::Rate,
    model::{Can, Claim, Claimed},
};
use chrono::{DateTime, Utc};
use common::db::CrossTenantTx;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use uuid::Uuid;

/// A lane that is due, locked by this transaction.
#[derive(Debug)]
pub(super) struct Lane {
    pub kind: String,
    pub version: i32,
    pub bundle: String,
    pub tenant_id: Uuid,
    /// With `seconds`, the rate; absent means as many as there are.
    jobs: Option<i32>,
    seconds: Option<i32>,
    pub jobs_per_day: Option<i32>,
    pub now: DateTime<Utc>,
}

/// Kind, version, bundle and tenant.
pub(super) type Key = (String, i32, String, Uuid);

impl Lane {
    pub fn key(&self) -> Key {
        (self.kind.clone(), self.version, self.bundle.clone(), self.tenant_id)
    }

    pub fn rate(&self) -> Option<Rate> {
        Some(Rate { jobs: self.jobs?.unsigned_abs(), seconds: self.seconds?.unsigned_abs() })
    }

    pub fn has(&self, job: &Claimed) -> bool {
        self.tenant_id == job.tenant_id.0
            && (&self.kind, self.version, &self.bundle) == (&job.kind, job.version, &job.bundle)
    }
}

/// What becomes of a lane after a claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub next_at: DateTime<Utc>,
    pub waits_for: Option<&'static str>,
}

/// Plans that hold for any number of jobs: by indexes alone, as PostgreSQL keeps a plan that it made while there were
/// few, and until it counts them anew each claim would read all of 100,000 that have come meanwhile; and made once, as
/// planning a claim takes longer than running it.
const PLANS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan";

/// Has the statements of this transaction planned for claims.
pub(super) async fn plan(tx: &mut CrossTenantTx) -> sqlx::Result<()> {
    sqlx::raw_sql(PLANS).execute(&mut **tx).await.map(drop)
}

/// The lanes that have waited longest of those that the claim can serve; others may be locked by other claims.
pub(super) async fn due(tx: &mut CrossTenantTx, claim: &Claim<'_>) -> sqlx::Result<Vec<Lane>> {
    let Can { kinds, versions, bundles } = claim.can;
    let lanes = sqlx::query_file_as!(Lane, "src/jobs/sql/lanes.sql", kinds, versions, bundles, i64::from(claim.most));
    lanes.fetch_all(&mut **tx).await
}

/// Where the buckets of these kinds and tenants stand, locked.
pub(super) async fn buckets(
    tx: &mut CrossTenantTx,
    kinds: &[String],
    tenants: &[Uuid],
) -> sqlx::Result<HashMap<(String, Uuid), DateTime<Utc>>> {
    let rows = sqlx::query!(
        "INSERT INTO job_buckets (kind, tenant_id, next_at)
         SELECT kind, tenant_id, now() FROM unnest($1::text[], $2::uuid[]) AS lane (kind, tenant_id)
          GROUP BY kind, tenant_id ORDER BY kind, tenant_id
         ON CONFLICT (kind, tenant_id) DO UPDATE SET next_at = job_buckets.next_at
         RETURNING kind, tenant_id, next_at",
        kinds,
        tenants
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.tenant_id), row.next_at)).collect())
}

pub(super) async fn set_buckets(
    tx: &mut CrossTenantTx,
    buckets: &HashMap<(String, Uuid), DateTime<Utc>>,
) -> sqlx::Result<()> {
    let (keys, next): (Vec<_>, Vec<_>) = buckets.iter().map(|(key, next)| (key.clone(), *next)).unzip();
    let (kinds, tenants): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    sqlx::query!(
        "UPDATE job_buckets SET next_at = bucket.next_at
           FROM unnest($1::text[], $2::uuid[], $3::timestamptz[]) AS bucket (kind, tenant_id, next_at)
          WHERE job_buckets.kind = bucket.kind AND job_buckets.tenant_id = bucket.tenant_id",
        &kinds,
        &tenants,
        &next
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How many jobs of these tenants were begun today (UTC), locked.
pub(super) async fn begun_today(tx: &mut CrossTenantTx, tenants: &[Uuid]) -> sqlx::Result<HashMap<Uuid, i32>> {
    let rows = sqlx::query!(
        "INSERT INTO job_days (tenant_id, day, begun)
         SELECT DISTINCT tenant_id, (now() AT TIME ZONE 'UTC')::date, 0 FROM unnest($1::uuid[]) AS lane (tenant_id)
          ORDER BY tenant_id
         ON CONFLICT (tenant_id, day) DO UPDATE SET begun = job_days.begun
         RETURNING tenant_id, begun",
        tenants
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.tenant_id, row.begun)).collect())
}

/// Begins the next jobs of these lanes, at most so many of each.
pub(super) async fn take(
    tx: &mut CrossTenantTx,
    claim: &Claim<'_>,
    lanes: &[(&Lane, u32)],
) -> sqlx::Result<Vec<Claimed>> {
    let (kinds, versions, bundles, tenants) = columns(lanes.iter().map(|(lane, _)| *lane));
    let quotas: Vec<_> = lanes.iter().map(|(_, quota)| i32::try_from(*quota).unwrap_or(i32::MAX)).collect();
    let Claim { worker, lease, duration, .. } = claim;
    let taken = sqlx::query_file_as!(
        Claimed,
        "src/jobs/sql/take.sql",
        worker,
        lease,
        duration.as_secs_f64(),
        &kinds,
        &versions,
        &bundles,
        &tenants,
        &quotas
    );
    taken.fetch_all(&mut **tx).await
}

/// Takes jobs whose worker was not heard of until their lease ended, the longest abandoned first.
pub(crate) async fn take_over(tx: &mut CrossTenantTx, claim: &Claim<'_>) -> sqlx::Result<Vec<Claimed>> {
    let Claim { worker, lease, can: Can { kinds, versions, bundles }, duration, most } = claim;
    let (seconds, most) = (duration.as_secs_f64(), i64::from(*most));
    let taken = sqlx::query_file_as!(
        Claimed,
        "src/jobs/sql/take_over.sql",
        worker,
        lease,
        seconds,
        kinds,
        versions,
        bundles,
        most
    );
    taken.fetch_all(&mut **tx).await
}

pub(super) async fn advance(tx: &mut CrossTenantTx, lanes: &[(&Lane, Moved)]) -> sqlx::Result<()> {
    let (kinds, versions, bundles, tenants) = columns(lanes.iter().map(|(lane, _)| *lane));
    let next: Vec<_> = lanes.iter().map(|(_, moved)| moved.next_at).collect();
    let waits: Vec<_> = lanes.iter().map(|(_, moved)| moved.waits_for.map(str::to_owned)).collect();
    sqlx::query!(
        "UPDATE job_lanes SET next_at = lane.next_at, waits_for = lane.waits_for
           FROM unnest($1::text[], $2::integer[], $3::text[], $4::uuid[], $5::timestamptz[], $6::text[])
                AS lane (kind, version, bundle, tenant_id, next_at, waits_for)
          WHERE job_lanes.kind = lane.kind AND job_lanes.version = lane.version AND job_lanes.bundle = lane.bundle
            AND job_lanes.tenant_id = lane.tenant_id",
        &kinds,
        &versions,
        &bundles,
        &tenants,
        &next,
        &waits as &[Option<String>]
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Removes those of the lanes that have no queued job, unless somebody enters one just now, and says which. Two
/// statements, as only the second one's snapshot has all that was committed before the lock. The first job is looked up
/// lane by lane: `NOT EXISTS` would be planned as a join with all that wait.
pub(super) async fn remove_empty(tx: &mut CrossTenantTx, lanes: &[&Lane]) -> sqlx::Result<HashSet<Key>> {
    let (kinds, versions, bundles, tenants) = columns(lanes.iter().copied());
    let locked = sqlx::query!(
        "SELECT kind, version, bundle, tenant_id FROM job_lanes
          WHERE (kind, version, bundle, tenant_id)
                IN (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::uuid[]))
            FOR UPDATE SKIP LOCKED",
        &kinds,
        &versions,
        &bundles,
        &tenants
    );
    let locked = locked.fetch_all(&mut **tx).await?;
    let kinds: Vec<_> = locked.iter().map(|lane| lane.kind.clone()).collect();
    let versions: Vec<_> = locked.iter().map(|lane| lane.version).collect();
    let bundles: Vec<_> = locked.iter().map(|lane| lane.bundle.clone()).collect();
    let tenants: Vec<_> = locked.iter().map(|lane| lane.tenant_id).collect();
    let removed = sqlx::query!(
        "DELETE FROM job_lanes
          WHERE (kind, version, bundle, tenant_id)
                IN (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::uuid[]))
            AND (SELECT id FROM jobs WHERE jobs.state = 'queued' AND jobs.kind = job_lanes.kind
                    AND jobs.version = job_lanes.version AND jobs.bundle = job_lanes.bundle
                    AND jobs.tenant_id = job_lanes.tenant_id ORDER BY priority, run_after, id LIMIT 1) IS NULL
         RETURNING kind, version, bundle, tenant_id",
        &kinds,
        &versions,
        &bundles,
        &tenants
    );
    let removed = removed.fetch_all(&mut **tx).await?;
    Ok(removed.into_iter().map(|lane| (lane.kind, lane.version, lane.bundle, lane.tenant_id)).collect())
}

/// How long until the next lane is due that the claim can serve; nothing if there is none.
pub(super) async fn next(tx: &mut CrossTenantTx, can: &Can) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM min(lane.next_at) - now())::float8
             FROM unnest($1::text[], $2::integer[], $3::text[]) AS can (kind, version, bundle)
            CROSS JOIN LATERAL (
                SELECT next_at FROM job_lanes
                 WHERE kind = can.kind AND version = can.version AND bundle = can.bundle
                 ORDER BY next_at LIMIT 1) AS lane"#,
        &can.kinds,
        &can.versions,
        &can.bundles
    );
    Ok(seconds.fetch_one(&mut **tx).await?.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))))
}

fn columns<'a>(lanes: impl Iterator<Item = &'a Lane>) -> (Vec<String>, Vec<i32>, Vec<String>, Vec<Uuid>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for lane in lanes {
        columns.0.push(lane.kind.clone());
        columns.1.push(lane.version);
        columns.2.push(lane.bundle.clone());
        columns.3.push(lane.tenant_id);
    }
    columns
}
