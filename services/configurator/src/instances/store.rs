//! Where do instances lie?

use super::{model::State, wish::Wish};
use crate::deadlines::first_look;
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::id::{InstanceId, JobId, Principal, TenantId};
use serde_json::{Map, Value};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// An instance, without its modules, settings and secrets.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: InstanceId,
    pub tenant_id: TenantId,
    pub service: String,
    pub version: String,
    pub host: String,
    pub state: State,
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
    pub tenant: TenantId,
    pub by: &'a Principal,
    pub now: DateTime<Utc>,
    /// What proves the host; without it the host needs no proof.
    pub proof_token: Option<&'a str>,
}

pub async fn insert(conn: &mut PgConnection, creation: &Creation<'_>, wish: &Wish<'_>) -> sqlx::Result<()> {
    let Creation { id, tenant, by, now, proof_token } = creation;
    let state = if proof_token.is_some() { State::AwaitingProof } else { State::Requested };
    sqlx::query!(
        "INSERT INTO instances (id, tenant_id, service, version, host, state, state_since, created_at, created_by, changed_at, due_at, proof_token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $7, $9, $10)",
        id.0,
        tenant.0,
        wish.manifest.service,
        wish.manifest.version,
        wish.host.as_str(),
        state as State,
        now,
        by.to_string(),
        *now + first_look(state),
        *proof_token
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO instance_modules (instance_id, module, place) SELECT $1, module, place FROM unnest($2::text[]) WITH ORDINALITY AS chosen (module, place)",
        id.0,
        &wish.modules
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn get(conn: &mut PgConnection, id: InstanceId) -> sqlx::Result<Option<Instance>> {
    sqlx::query_as!(
        Instance,
        r#"SELECT id, tenant_id, service, version, host, state AS "state: State", state_since, reason, generation,
                  settings AS "settings: Json<Map<String, Value>>", job_id, created_at, claimed_by,
                  refusals, proof_token, proof_checked_at
           FROM instances WHERE id = $1 AND state <> 'deleted'"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// The instance as it is once nobody else changes it; it stays so until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: InstanceId) -> sqlx::Result<Option<Instance>> {
    sqlx::query_scalar!("SELECT id FROM instances WHERE id = $1 FOR UPDATE", id.0).fetch_optional(&mut *conn).await?;
    get(conn, id).await
}

pub async fn list(conn: &mut PgConnection, tenant: TenantId, page: PageRequest) -> sqlx::Result<Vec<Instance>> {
    sqlx::query_as!(
        Instance,
        r#"SELECT id, tenant_id, service, version, host, state AS "state: State", state_since, reason, generation,
                  settings AS "settings: Json<Map<String, Value>>", job_id, created_at, claimed_by,
                  refusals, proof_token, proof_checked_at
           FROM instances WHERE tenant_id = $1 AND id > $2 AND state <> 'deleted' ORDER BY id LIMIT $3"#,
        tenant.0,
        page.after,
        page.fetch()
    )
    .fetch_all(conn)
    .await
}

/// How many instances the tenant has, those that are being deleted included; nobody else makes one for it until the transaction ends.
pub async fn count_locked(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<i64> {
    let key = format!("instances of {tenant}");
    sqlx::query_scalar!(r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS "locked!: ()""#, key)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM instances WHERE tenant_id = $1 AND state <> 'deleted'"#,
        tenant.0
    )
    .fetch_one(conn)
    .await
}

/// The instance that lives on the host; one that waits for its proof does not.
pub async fn on_host(conn: &mut PgConnection, host: &str) -> sqlx::Result<Option<InstanceId>> {
    // As the index has it.
    let id = sqlx::query_scalar!(
        "SELECT id FROM instances WHERE host = $1 AND state NOT IN ('awaiting_proof', 'deleting', 'deleted')",
        host
    );
    let id = id.fetch_optional(conn).await?;
    Ok(id.map(InstanceId))
}

/// Every module that these instances have or had, in the order of migration.
pub async fn modules(conn: &mut PgConnection, instances: &[Uuid]) -> sqlx::Result<Vec<InstanceModule>> {
    sqlx::query_as!(
        InstanceModule,
        "SELECT instance_id, module, enabled_at, removed_at FROM instance_modules WHERE instance_id = ANY($1) ORDER BY place",
        instances
    )
    .fetch_all(conn)
    .await
}

pub async fn hosts_changed_since(conn: &mut PgConnection, since: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT host FROM instances WHERE changed_at >= $1 ORDER BY changed_at", since)
        .fetch_all(conn)
        .await
}

/// Enters `state`, in which it waits for `job`; nothing has failed there yet, and nobody has it in hand.
pub async fn advance(
    conn: &mut PgConnection,
    id: InstanceId,
    state: State,
    job: Option<JobId>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET state = $2, state_since = $4, reason = NULL, job_id = $3, claimed_by = NULL, refusals = 0, due_at = $5,
                generation = generation + 1, changed_at = $4
         WHERE id = $1",
        id.0,
        state as State,
        job.map(|job| job.0),
        now,
        now + first_look(state)
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The step under way has failed; a person may retry it. If its job ends well after all, the instance goes on.
pub async fn fail(conn: &mut PgConnection, id: InstanceId, reason: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE instances SET reason = $2, generation = generation + 1, changed_at = $3 WHERE id = $1",
        id.0,
        reason,
        now
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A person has the record looked up now.
pub async fn note_proof_check(conn: &mut PgConnection, id: InstanceId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instances SET proof_checked_at = $2 WHERE id = $1", id.0, now).execute(conn).await.map(drop)
}

pub async fn set_settings(conn: &mut PgConnection, id: InstanceId, settings: &Map<String, Value>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instances SET settings = $2 WHERE id = $1", id.0, Json(settings) as _)
        .execute(conn)
        .await
        .map(drop)
}

/// Enables every chosen module; gives their names.
pub async fn enable_modules(conn: &mut PgConnection, id: InstanceId, now: DateTime<Utc>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "UPDATE instance_modules SET enabled_at = $2 WHERE instance_id = $1 AND removed_at IS NULL RETURNING module",
        id.0,
        now
    )
    .fetch_all(conn)
    .await
}

/// Ends the use of an enabled module at `at`, or when it began if that was later by some clock; gives that instant.
pub async fn remove_module(
    conn: &mut PgConnection,
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
    let removed_at = removed_at.fetch_one(&mut *conn).await?;
    sqlx::query!("UPDATE instances SET generation = generation + 1, changed_at = $2 WHERE id = $1", id.0, at)
        .execute(conn)
        .await?;
    Ok(removed_at)
}
