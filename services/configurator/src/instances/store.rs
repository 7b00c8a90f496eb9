//! SQL of instances. Modules have no tenant of their own; they are found by an instance that the tenant's transaction
//! has read.

use super::{
    model::{self, InstanceState, Redo},
    spec::InstanceSpec,
};
use chrono::{DateTime, Utc};
use common::{
    db::{Lookup, Scoped, TenantTx},
    page::PageRequest,
};
use contracts::id::{InstanceId, JobId, Principal, TenantId};
use serde_json::{Map, Value};
use sqlx::types::Json;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// What wakes whoever tells product services of changes.
pub const CHANGED: &str = "instances changed";
/// What wakes those who make and drop databases.
pub const UNPROVISIONED: &str = "instances to provision";

/// An instance, without its modules, settings and secrets.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: InstanceId,
    pub tenant_id: TenantId,
    pub service: String,
    pub version: String,
    pub host: String,
    pub state: InstanceState,
    pub state_since: DateTime<Utc>,
    /// Why the step under way failed.
    pub reason: Option<String>,
    pub generation: i64,
    pub settings: Json<Map<String, Value>>,
    pub job_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    /// The claim of the provisioner that has it in hand.
    pub claimed_by: Option<Uuid>,
    /// How often the step under way was refused, or its job ordered again.
    pub refusals: i32,
    /// What the DNS record says that proves the host; `None` if it need not be proved.
    pub proof_token: Option<String>,
    /// When a person last had the record looked up.
    pub proof_checked_at: Option<DateTime<Utc>>,
}

/// A module that an instance has or had.
#[derive(Clone, Debug)]
pub struct InstanceModule {
    pub instance_id: InstanceId,
    pub module: String,
    pub enabled_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
}

/// Who enables it, and when.
pub struct Creation<'a> {
    pub id: InstanceId,
    pub by: &'a Principal,
    pub now: DateTime<Utc>,
    /// What proves the host; without it the host needs no proof.
    pub proof_token: Option<&'a str>,
}

pub async fn insert(tx: &mut TenantTx, creation: &Creation<'_>, spec: &InstanceSpec<'_>) -> sqlx::Result<()> {
    let Creation { id, by, now, proof_token } = creation;
    let state = if proof_token.is_some() { InstanceState::AwaitingProof } else { InstanceState::Requested };
    sqlx::query!(
        "INSERT INTO instances (id, tenant_id, service, version, host, state, state_since, created_at, created_by,
         changed_at, due_at, proof_token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $7, $9, $10)",
        id.0,
        tx.tenant().0,
        spec.manifest.service,
        spec.manifest.version,
        spec.host.as_str(),
        state as InstanceState,
        now,
        by.to_string(),
        *now + model::first_look(state),
        *proof_token
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO instance_modules (instance_id, module, place) SELECT $1, module, place FROM unnest($2::text[])
         WITH ORDINALITY AS chosen (module, place)",
        id.0,
        &spec.modules
    )
    .execute(&mut **tx)
    .await?;
    entered(tx, state);
    Ok(())
}

/// The commit wakes who tells of changes and, if the state is theirs, those who make and drop databases.
fn entered(tx: &mut TenantTx, state: InstanceState) {
    tx.wake(CHANGED);
    if model::redo(state) == Some(Redo::Provision) {
        tx.wake(UNPROVISIONED);
    }
}

pub async fn get(tx: &mut TenantTx, id: InstanceId) -> sqlx::Result<Option<Instance>> {
    sqlx::query_as!(
        Instance,
        r#"SELECT id, tenant_id, service, version, host, state AS "state: InstanceState", state_since, reason,
           generation,
                  settings AS "settings: Json<Map<String, Value>>", job_id, created_at, claimed_by,
                  refusals, proof_token, proof_checked_at
           FROM instances WHERE id = $1 AND tenant_id = $2 AND state <> 'deleted'"#,
        id.0,
        tx.tenant().0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// The instance as it is once nobody else changes it; it stays so until the transaction ends.
pub async fn lock(tx: &mut TenantTx, id: InstanceId) -> sqlx::Result<Option<Instance>> {
    sqlx::query_scalar!("SELECT id FROM instances WHERE id = $1 AND tenant_id = $2 FOR UPDATE", id.0, tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await?;
    get(tx, id).await
}

pub async fn list(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Instance>> {
    sqlx::query_as!(
        Instance,
        r#"SELECT id, tenant_id, service, version, host, state AS "state: InstanceState", state_since, reason,
           generation,
                  settings AS "settings: Json<Map<String, Value>>", job_id, created_at, claimed_by,
                  refusals, proof_token, proof_checked_at
           FROM instances WHERE tenant_id = $1 AND id > $2 AND state <> 'deleted' ORDER BY id LIMIT $3"#,
        tx.tenant().0,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// How many instances the tenant has, those that are being deleted included; nobody else makes one for it until the
/// transaction ends.
pub async fn count_locked(tx: &mut TenantTx) -> sqlx::Result<i64> {
    let key = format!("instances of {}", tx.tenant());
    sqlx::query_scalar!(r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS "locked!: ()""#, key)
        .fetch_one(&mut **tx)
        .await?;
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM instances WHERE tenant_id = $1 AND state <> 'deleted'"#,
        tx.tenant().0
    )
    .fetch_one(&mut **tx)
    .await
}

/// An instance, and whose it is.
pub struct Owned {
    pub id: InstanceId,
    pub tenant_id: TenantId,
}

/// The instance that lives on the host; one that waits for its proof does not.
pub async fn on_host(lookup: &mut Lookup, host: &str) -> sqlx::Result<Option<Owned>> {
    // As the index has it.
    let found = sqlx::query_as!(
        Owned,
        "SELECT id, tenant_id FROM instances WHERE host = $1
         AND state NOT IN ('awaiting_proof', 'deleting', 'deleted')",
        host
    );
    found.fetch_optional(&mut **lookup).await
}

/// The tenant whose instance it is.
pub async fn tenant_of(lookup: &mut Lookup, id: InstanceId) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT tenant_id FROM instances WHERE id = $1", id.0);
    Ok(tenant.fetch_optional(&mut **lookup).await?.map(TenantId))
}

/// Every module that these instances have or had, in the order of migration.
pub async fn modules(tx: &mut TenantTx, instances: &[Uuid]) -> sqlx::Result<Vec<InstanceModule>> {
    sqlx::query_as!(
        InstanceModule,
        "SELECT instance_id, module, enabled_at, removed_at FROM instance_modules WHERE instance_id = ANY($1)
         ORDER BY place",
        instances
    )
    .fetch_all(&mut **tx)
    .await
}

/// Enters `state`, in which it waits for `job`; nothing has failed there yet, and nobody has it in hand.
pub async fn advance(
    tx: &mut TenantTx,
    id: InstanceId,
    state: InstanceState,
    job: Option<JobId>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances
         SET state = $2, state_since = $4, reason = NULL, job_id = $3, claimed_by = NULL, refusals = 0, due_at = $5,
                generation = generation + 1, changed_at = $4
         WHERE id = $1 AND tenant_id = $6",
        id.0,
        state as InstanceState,
        job.map(|job| job.0),
        now,
        now + model::first_look(state),
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await?;
    entered(tx, state);
    Ok(())
}

/// The step under way has failed; a person may retry it. If its job ends well after all, the instance goes on.
pub async fn fail(tx: &mut TenantTx, id: InstanceId, reason: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET reason = $2, generation = generation + 1, changed_at = $3 WHERE id = $1
         AND tenant_id = $4",
        id.0,
        reason,
        now,
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(CHANGED);
    Ok(())
}

/// A person has the record looked up now.
pub async fn note_proof_check(tx: &mut TenantTx, id: InstanceId, now: DateTime<Utc>) -> sqlx::Result<()> {
    let tenant = tx.tenant().0;
    sqlx::query!("UPDATE instances SET proof_checked_at = $2 WHERE id = $1 AND tenant_id = $3", id.0, now, tenant)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub async fn set_settings(tx: &mut TenantTx, id: InstanceId, settings: &Map<String, Value>) -> sqlx::Result<()> {
    let (settings, tenant) = (Json(settings), tx.tenant().0);
    sqlx::query!("UPDATE instances SET settings = $2 WHERE id = $1 AND tenant_id = $3", id.0, settings as _, tenant)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Enables every chosen module; gives their names.
pub async fn enable_modules(tx: &mut TenantTx, id: InstanceId, now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "UPDATE instance_modules SET enabled_at = $2 WHERE instance_id = $1 AND removed_at IS NULL RETURNING module",
        id.0,
        now
    )
    .fetch_all(&mut **tx)
    .await
}

/// Ends the use of an enabled module at `at`, or when it began if that was later by some clock; gives that instant.
pub async fn remove_module(
    tx: &mut TenantTx,
    id: InstanceId,
    module: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<DateTime<Utc>> {
    let removed_at = sqlx::query_scalar!(
        r#"UPDATE instance_modules SET removed_at = greatest($3, enabled_at)
           WHERE instance_id = $1 AND module = $2 AND removed_at IS NULL RETURNING removed_at AS "removed_at!""#,
        id.0,
        module,
        at
    );
    let removed_at = removed_at.fetch_one(&mut **tx).await?;
    sqlx::query!(
        "UPDATE instances SET generation = generation + 1, changed_at = $2 WHERE id = $1 AND tenant_id = $3",
        id.0,
        at,
        tx.tenant().0
    )
    .execute(&mut **tx)
    .await?;
    tx.wake(CHANGED);
    Ok(removed_at)
}

/// Counts this many changes of the instance's features, and gives their numbers; nobody else counts one of it until the
/// transaction ends.
pub async fn count_feature_changes(
    tx: &mut TenantTx,
    id: InstanceId,
    changes: usize,
) -> sqlx::Result<RangeInclusive<i64>> {
    let changes = changes as i64;
    let last = sqlx::query_scalar!(
        "UPDATE instances SET feature_generation = feature_generation + $2 WHERE id = $1 AND tenant_id = $3
         RETURNING feature_generation",
        id.0,
        changes,
        tx.tenant().0
    );
    let last = last.fetch_one(&mut **tx).await?;
    Ok(last - changes + 1..=last)
}
