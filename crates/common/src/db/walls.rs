//! Which tenant's rows may a transaction see and write? It says so as it begins, and PostgreSQL holds it to that.
//!
//! Every query has the tenant in its `WHERE`; the policies of `migrations/*/*_tenant_walls.sql` are what stands when one forgets.
//! Whatever touches a tenant's rows begins here: outside such a transaction there are none.

use contracts::id::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, PgTransaction};
use std::fmt::Display;

const READ_COMMITTED: &str = "BEGIN";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// In the place of a tenant: every tenant's rows, and those of none.
const PLATFORM: &str = "*";

/// For what one tenant asks for.
pub async fn begin(pool: &PgPool, tenant: TenantId) -> sqlx::Result<PgTransaction<'static>> {
    begin_as(pool, READ_COMMITTED, tenant).await
}

/// As [`begin`], only to read, and all that is read is of one instant.
pub async fn begin_snapshot(pool: &PgPool, tenant: TenantId) -> sqlx::Result<PgTransaction<'static>> {
    begin_as(pool, SNAPSHOT, tenant).await
}

/// For what acts for no tenant in particular: loops in the background, other services, operators, and people of whom only a link, a
/// host or an address is known yet.
pub async fn begin_platform(pool: &PgPool) -> sqlx::Result<PgTransaction<'static>> {
    begin_as(pool, READ_COMMITTED, PLATFORM).await
}

/// For messages and jobs: as [`begin`] if they have a tenant, else as [`begin_platform`].
pub async fn begin_for(pool: &PgPool, tenant: Option<TenantId>) -> sqlx::Result<PgTransaction<'static>> {
    match tenant {
        Some(tenant) => begin(pool, tenant).await,
        None => begin_platform(pool).await,
    }
}

/// One round trip. The setting ends with the transaction, so the next one to get the connection starts with none.
async fn begin_as(pool: &PgPool, begin: &str, scope: impl Display) -> sqlx::Result<PgTransaction<'static>> {
    pool.begin_with(AssertSqlSafe(format!("{begin}; SET LOCAL sevenleague.tenant = '{scope}'"))).await
}

/// Whether PostgreSQL lets the connection's role through every wall: a superuser, or one that was given BYPASSRLS.
pub async fn is_above_walls(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .fetch_one(conn)
        .await
}
