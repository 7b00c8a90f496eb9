//! SQL of users, tenants and memberships.

use crate::{email::Email, name::Name};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Lookup, TenantTx},
    page::PageRequest,
};
use contracts::{
    id::{TenantId, UserId},
    messages::TenantKind,
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// The unique constraint that an address already has a user.
pub const ADDRESS_TAKEN: &str = "users_email_key";

pub struct User {
    pub id: UserId,
    pub email: String,
    pub display_name: String,
    pub password_hash: String,
    /// One more with each change of the password.
    pub password_version: i32,
}

impl User {
    /// Somebody who has an account from now on.
    pub fn new(id: UserId, email: String, display_name: String, password_hash: String) -> Self {
        Self { id, email, display_name, password_hash, password_version: 1 }
    }

    /// What stands before the `@` of the address.
    pub fn local_part(&self) -> &str {
        self.email.split_once('@').map_or("", |(local, _)| local)
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
}

#[derive(Serialize, ToSchema)]
pub struct Member {
    #[serde(skip)]
    pub membership_id: Uuid,
    pub user_id: UserId,
    pub email: String,
    pub display_name: String,
    pub joined_at: DateTime<Utc>,
}

pub async fn find_user(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        "SELECT id, email, display_name, password_hash, password_version FROM users WHERE id = $1",
        id.0
    )
    .fetch_optional(conn)
    .await
}

pub async fn find_user_by_email(conn: &mut PgConnection, email: &Email) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        "SELECT id, email, display_name, password_hash, password_version FROM users WHERE email = $1",
        email.as_str()
    )
    .fetch_optional(conn)
    .await
}

pub async fn insert_user(conn: &mut PgConnection, user: &User, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO users (id, email, display_name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)",
        user.id.0,
        user.email,
        user.display_name,
        user.password_hash,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the hash of the same password, unless the password was changed meanwhile.
pub async fn replace_hash(conn: &mut PgConnection, user: &User, new: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        user.id.0,
        user.password_hash,
        new
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the user another password, unless somebody else has done so since `user` was read; `false` then.
pub async fn change_password(conn: &mut PgConnection, user: &User, new_hash: &str) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "UPDATE users SET password_hash = $3, password_version = password_version + 1
         WHERE id = $1 AND password_version = $2",
        user.id.0,
        user.password_version,
        new_hash
    );
    Ok(changed.execute(conn).await?.rows_affected() == 1)
}

/// Whoever changes the password waits for the transaction.
pub async fn lock_user(conn: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", id.0).fetch_optional(conn).await?;
    Ok(())
}

/// Ends every link by which the user could choose another password, mailed or not. The user must be locked.
pub async fn end_resets(conn: &mut PgConnection, user: &User, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE password_resets SET used_at = $2 WHERE email = $1 AND used_at IS NULL", user.email, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the password is still the one by which `user` was let in; whoever changes it waits for the transaction.
pub async fn keep_password(conn: &mut PgConnection, user: &User) -> sqlx::Result<bool> {
    let same = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND password_version = $2 FOR SHARE",
        user.id.0,
        user.password_version
    );
    Ok(same.fetch_optional(conn).await?.is_some())
}

/// `false` if the platform's own tenant was there already. `founder`: who asked for it.
pub async fn insert_tenant(
    tx: &mut TenantTx,
    name: &Name,
    kind: TenantKind,
    founder: Option<UserId>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let kind = match kind {
        TenantKind::Customer => "customer",
        TenantKind::Platform => "platform",
    };
    let insert = sqlx::query!(
        "INSERT INTO tenants (id, name, kind, founded_by, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (kind) WHERE kind = 'platform' DO NOTHING",
        tx.tenant().0,
        name.as_str(),
        kind,
        founder.map(|user| user.0),
        now
    );
    Ok(insert.execute(&mut **tx).await?.rows_affected() > 0)
}

/// How many tenants the user has made, whether they belong to them still or not.
pub async fn founded(tx: &mut CrossTenantTx, user: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM tenants WHERE founded_by = $1"#, user.0)
        .fetch_one(&mut **tx)
        .await
}

pub async fn platform_tenant(tx: &mut Lookup) -> sqlx::Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar!("SELECT id FROM tenants WHERE kind = 'platform'");
    Ok(tenant.fetch_optional(&mut **tx).await?.map(TenantId))
}

/// Whether it is the platform's own tenant.
pub async fn is_platform(tx: &mut TenantTx) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM tenants WHERE id = $1 AND kind = 'platform') AS "platform!""#,
        tx.tenant().0
    )
    .fetch_one(&mut **tx)
    .await
}

/// `false` if the user is a member already.
pub async fn join(tx: &mut TenantTx, id: Uuid, user: UserId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let insert = sqlx::query!(
        "INSERT INTO memberships (id, tenant_id, user_id, joined_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, tenant_id) DO NOTHING",
        id,
        tx.tenant().0,
        user.0,
        now
    );
    Ok(insert.execute(&mut **tx).await?.rows_affected() > 0)
}

/// The tenant `wanted` if the user belongs to it, or the one joined first.
pub async fn choose_tenant(tx: &mut Lookup, user: UserId, wanted: Option<TenantId>) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "SELECT t.id, t.name FROM memberships m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.user_id = $1 AND ($2::uuid IS NULL OR t.id = $2) ORDER BY m.id LIMIT 1",
        user.0,
        wanted.map(|tenant| tenant.0)
    )
    .fetch_optional(&mut **tx)
    .await
}

/// The tenant, if the user belongs to it.
pub async fn tenant_of_member(tx: &mut TenantTx, user: UserId) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "SELECT t.id, t.name FROM memberships m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.tenant_id = $1 AND m.user_id = $2",
        tx.tenant().0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// Every tenant of the user, the one joined first in front.
pub async fn tenants_of(tx: &mut Lookup, user: UserId) -> sqlx::Result<Vec<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "SELECT t.id, t.name FROM memberships m JOIN tenants t ON t.id = m.tenant_id
                             WHERE m.user_id = $1 ORDER BY m.id",
        user.0
    )
    .fetch_all(&mut **tx)
    .await
}

/// The tenant itself.
pub async fn tenant(tx: &mut TenantTx) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(Tenant, "SELECT id, name FROM tenants WHERE id = $1", tx.tenant().0).fetch_optional(&mut **tx).await
}

/// Those of the users who belong to the tenant, with their membership.
pub async fn memberships(tx: &mut TenantTx, users: &[Uuid]) -> sqlx::Result<Vec<(UserId, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT user_id, id FROM memberships WHERE tenant_id = $1 AND user_id = ANY($2)",
        tx.tenant().0,
        users
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (UserId(row.user_id), row.id)).collect())
}

pub async fn members(tx: &mut TenantTx, page: PageRequest) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        "SELECT m.id AS membership_id, u.id AS user_id, u.email, u.display_name, m.joined_at
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = $1 AND m.id > $2 ORDER BY m.id
         LIMIT $3",
        tx.tenant().0,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}
