//! SQL of groups; every statement carries the tenant, and what has ended stays as history.

use chrono::{DateTime, Utc};
use common::{db::TenantTx, page::PageRequest};
use contracts::id::Principal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Group {
    pub id: Uuid,
    #[schema(example = "moderators")]
    pub name: String,
    /// How many members it has.
    pub members: i64,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    #[serde(skip)]
    pub id: Uuid,
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
    pub added_by: String,
    pub added_at: DateTime<Utc>,
}

/// The columns of a [`Group`] of the tenant (`$1`).
macro_rules! groups {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Group,
            r#"SELECT g.id, g.name, g.created_at,
                      (SELECT count(*) FROM group_members m WHERE m.group_id = g.id
                      AND m.removed_at IS NULL) AS "members!"
               FROM groups g WHERE g.tenant_id = $1 AND g.deleted_at IS NULL AND "# + $rest,
            $($argument),+
        )
    };
}

pub async fn page(tx: &mut TenantTx, request: PageRequest) -> sqlx::Result<Vec<Group>> {
    let page = groups!("g.id > $2 ORDER BY g.id LIMIT $3", tx.tenant().0, request.after, request.fetch());
    page.fetch_all(&mut **tx).await
}

pub async fn get(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<Group>> {
    groups!("g.id = $2", tx.tenant().0, id).fetch_optional(&mut **tx).await
}

pub async fn is_deleted(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM groups WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
        tx.tenant().0,
        id
    );
    Ok(found.fetch_optional(&mut **tx).await?.is_some())
}

pub async fn count(tx: &mut TenantTx) -> sqlx::Result<i64> {
    let query = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM groups WHERE tenant_id = $1 AND deleted_at IS NULL"#,
        tx.tenant().0
    );
    query.fetch_one(&mut **tx).await
}

/// Stores the group; a name that the tenant already uses violates `groups_name`.
pub async fn insert(tx: &mut TenantTx, id: Uuid, name: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    let tenant = tx.tenant().0;
    sqlx::query!("INSERT INTO groups (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)", id, tenant, name, now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Ends the group and all memberships in it.
pub async fn delete(tx: &mut TenantTx, id: Uuid, by: &Principal, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE groups SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant().0, id, now)
        .execute(&mut **tx)
        .await?;
    let members = sqlx::query!(
        "UPDATE group_members SET removed_at = $4, removed_by = $3
         WHERE tenant_id = $1 AND group_id = $2 AND removed_at IS NULL",
        tx.tenant().0,
        id,
        by.to_string(),
        now
    );
    members.execute(&mut **tx).await.map(drop)
}

pub async fn members(tx: &mut TenantTx, group: Uuid, request: PageRequest) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        "SELECT id, principal, added_by, added_at FROM group_members
         WHERE tenant_id = $1 AND group_id = $2 AND removed_at IS NULL AND id > $3 ORDER BY id LIMIT $4",
        tx.tenant().0,
        group,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// In how many groups the principal is.
pub async fn memberships(tx: &mut TenantTx, principal: &Principal) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM group_members WHERE tenant_id = $1 AND principal = $2
           AND removed_at IS NULL"#,
        tx.tenant().0,
        principal.to_string()
    )
    .fetch_one(&mut **tx)
    .await
}

/// A membership to be stored.
pub struct NewMember<'a> {
    pub id: Uuid,
    pub principal: &'a Principal,
    pub by: &'a Principal,
    pub now: DateTime<Utc>,
}

/// Whether the principal was no member before.
pub async fn add(tx: &mut TenantTx, group: Uuid, member: &NewMember<'_>) -> sqlx::Result<bool> {
    let added = sqlx::query!(
        "INSERT INTO group_members (id, tenant_id, group_id, principal, added_by, added_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (group_id, principal) WHERE removed_at IS NULL DO NOTHING",
        member.id,
        tx.tenant().0,
        group,
        member.principal.to_string(),
        member.by.to_string(),
        member.now
    );
    Ok(added.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Takes the principal out of one group, or out of all; gives the ids of the groups that it was in.
pub async fn remove(
    tx: &mut TenantTx,
    group: Option<Uuid>,
    principal: &Principal,
    by: &Principal,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    let removed = sqlx::query_scalar!(
        "UPDATE group_members SET removed_at = $5, removed_by = $4
         WHERE tenant_id = $1 AND ($2::uuid IS NULL OR group_id = $2) AND principal = $3
         AND removed_at IS NULL RETURNING group_id",
        tx.tenant().0,
        group,
        principal.to_string(),
        by.to_string(),
        now
    );
    removed.fetch_all(&mut **tx).await
}
