//! SQL of the audit. The database links each entry to the one before, and refuses to change any.

use crate::model::{AuditEntry, AuditFilter, Broken, Fault, READ_AT_ONCE, Record};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::id::TenantId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

const APPEND: &str = "SELECT audit_append($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Appends to a chain; gives the version.
pub(crate) async fn append(conn: &mut PgConnection, chain: TenantId, record: &Record) -> sqlx::Result<i64> {
    sqlx::query_scalar(APPEND)
        .bind(record.id)
        .bind(chain.0)
        .bind(record.at)
        .bind(&record.actor)
        .bind(record.action)
        .bind(&record.target)
        .bind(&record.origin)
        .bind(&record.before)
        .bind(&record.after)
        .fetch_one(conn)
        .await
}

/// What was found in a piece of a chain, and up to where that was read; nothing is found in the one row of a piece that
/// has none.
#[derive(FromRow)]
struct Found {
    read: i64,
    read_up_to: Option<i64>,
    version: Option<i64>,
    at: Option<DateTime<Utc>>,
    actor: Option<String>,
    action: Option<String>,
    target: Option<String>,
    origin: Option<Value>,
    before: Option<Value>,
    after: Option<Value>,
    hash: Option<String>,
}

/// The time of an entry is taken before its place in the chain is: entries may be this much out of order, and never
/// are.
const OUT_OF_ORDER: &str = "interval '1 hour'";

/// What a page reads: one index leads to it, and it ends after so many entries; then what is found among them.
fn page_sql(filter: &AuditFilter) -> String {
    let led = match filter {
        AuditFilter { target: Some(_), .. } => "AND target = $5",
        AuditFilter { actor: Some(_), .. } => "AND actor = $3",
        AuditFilter { action: Some(_), .. } => "AND action = $4",
        _ => "",
    };
    format!(
        "WITH read AS (
           SELECT * FROM audit
           WHERE tenant_id = $1 AND version > $2
             AND version > coalesce((SELECT version FROM audit WHERE tenant_id = $1 AND at < $6 - {OUT_OF_ORDER}
                                     ORDER BY at DESC, version DESC LIMIT 1), 0)
             AND version < coalesce((SELECT version FROM audit WHERE tenant_id = $1 AND at >= $7 + {OUT_OF_ORDER}
                                     ORDER BY at, version LIMIT 1), {never})
             {led}
           ORDER BY version LIMIT $11
         ), found AS (
           SELECT version, at, actor, action, target, origin, before, after, encode(hash, 'hex') AS hash FROM read
           WHERE ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4)
             AND ($5::text IS NULL OR target = $5)
             AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
             AND ($8::text IS NULL OR $8 IN (target, before->>'principal', after->>'principal', before->>'role',
               after->>'role', before->>'name', after->>'name', before->>'permission', after->>'permission'))
             AND ($9::text IS NULL OR words @@ websearch_to_tsquery('simple', $9))
           ORDER BY version LIMIT $10
         )
         SELECT read, read_up_to, found.*
         FROM (SELECT count(*) AS read, max(version) AS read_up_to FROM read) AS piece LEFT JOIN found ON true
         ORDER BY version",
        never = i64::MAX
    )
}

/// Up to as many entries as the request fetches, and where reading stopped, if there may be more behind.
pub(crate) async fn page(
    tx: &mut TenantTx,
    filter: &AuditFilter,
    search: Option<&str>,
    request: PageRequest<i64>,
) -> sqlx::Result<(Vec<AuditEntry>, Option<i64>)> {
    let rows: Vec<Found> = sqlx::query_as(AssertSqlSafe(page_sql(filter)))
        .bind(tx.tenant().0)
        .bind(request.after)
        .bind(&filter.actor)
        .bind(&filter.action)
        .bind(&filter.target)
        .bind(filter.since)
        .bind(filter.until)
        .bind(&filter.about)
        .bind(search)
        .bind(request.fetch())
        .bind(READ_AT_ONCE)
        .fetch_all(&mut **tx)
        .await?;
    let stopped = rows.first().filter(|row| row.read >= READ_AT_ONCE).and_then(|row| row.read_up_to);
    Ok((rows.into_iter().filter_map(Found::entry).collect(), stopped))
}

impl Found {
    fn entry(self) -> Option<AuditEntry> {
        Some(AuditEntry {
            version: self.version?,
            at: self.at?,
            actor: self.actor?,
            action: self.action?,
            target: self.target?,
            origin: self.origin?,
            before: self.before,
            after: self.after,
            hash: self.hash?,
        })
    }
}

/// Where a chain ends, and what is wrong there.
#[derive(Clone, Debug)]
pub struct End {
    pub version: i64,
    /// Of the last entry, in hexadecimal digits; whoever keeps it elsewhere can tell a chain that was made anew.
    pub hash: String,
    pub(crate) broken: Option<Break>,
}

#[derive(Clone, Debug)]
pub(crate) enum Break {
    /// The last entry is another one than that whose hash the head has.
    LastChanged(Uuid),
    /// There is an entry behind the end.
    Beyond(i64, Uuid),
}

#[derive(FromRow)]
struct EndRow {
    version: i64,
    hash: String,
    changed: Option<Uuid>,
    beyond_version: Option<i64>,
    beyond: Option<Uuid>,
}

/// One statement, so all of it is of one instant.
const END: &str = "
    SELECT coalesce(head.version, 0) AS version, coalesce(encode(head.hash, 'hex'), '') AS hash,
        (SELECT id FROM audit WHERE tenant_id = $1 AND audit.version = head.version AND audit.hash <> head.hash) AS changed,
        beyond.version AS beyond_version, beyond.id AS beyond
    FROM (SELECT 1) AS one LEFT JOIN audit_heads head ON head.tenant_id = $1
    LEFT JOIN LATERAL (SELECT version, id FROM audit WHERE tenant_id = $1 AND audit.version > coalesce(head.version, 0)
        ORDER BY audit.version LIMIT 1) AS beyond ON true";

pub(crate) async fn end(tx: &mut TenantTx) -> sqlx::Result<End> {
    let row: EndRow = sqlx::query_as(END).bind(tx.tenant().0).fetch_one(&mut **tx).await?;
    let changed = row.changed.map(Break::LastChanged);
    let broken = changed.or_else(|| Some(Break::Beyond(row.beyond_version?, row.beyond?)));
    Ok(End { version: row.version, hash: row.hash, broken })
}

/// The entry before the piece is read as well, as what the first one follows.
const FIRST_BROKEN: &str = "
    WITH piece AS (
        SELECT id, version, hash, previous, audit_hash(entry) AS computed,
            lag(version) OVER (ORDER BY version) AS earlier, lag(hash) OVER (ORDER BY version) AS earlier_hash
        FROM audit entry WHERE tenant_id = $1 AND version >= $2 AND version <= $3
    ), verified AS (
        SELECT expected AS version, id, CASE
            WHEN id IS NULL THEN 'missing'
            WHEN hash <> computed THEN 'changed'
            WHEN previous <> CASE WHEN earlier = version - 1 THEN earlier_hash ELSE decode(repeat('00', 32), 'hex') END
                THEN 'unlinked'
        END AS fault
        FROM generate_series($2 + 1, $3) AS expected LEFT JOIN piece ON version = expected
    )
    SELECT version, id, fault FROM verified WHERE fault IS NOT NULL ORDER BY version LIMIT 1";

#[derive(FromRow)]
struct BrokenRow {
    version: i64,
    id: Option<Uuid>,
    fault: Fault,
}

/// The first entry behind `after`, up to `through`, that is wrong.
pub(crate) async fn first_broken(tx: &mut TenantTx, after: i64, through: i64) -> sqlx::Result<Option<Broken>> {
    let query = sqlx::query_as(FIRST_BROKEN).bind(tx.tenant().0).bind(after).bind(through);
    let row: Option<BrokenRow> = query.fetch_optional(&mut **tx).await?;
    Ok(row.map(|BrokenRow { version, id, fault }| Broken { version, id, fault }))
}

const NEXT_CHAIN: &str = "
    (SELECT tenant_id FROM audit_heads WHERE tenant_id >= $1 ORDER BY tenant_id LIMIT 1)
    UNION ALL (SELECT tenant_id FROM audit WHERE tenant_id >= $1 ORDER BY tenant_id LIMIT 1) ORDER BY 1 LIMIT 1";

/// The first chain from that of `tenant` on, with a head or without.
pub(crate) async fn chain_from(tx: &mut CrossTenantTx, tenant: TenantId) -> sqlx::Result<Option<TenantId>> {
    let found: Option<Uuid> = sqlx::query_scalar(NEXT_CHAIN).bind(tenant.0).fetch_optional(&mut **tx).await?;
    Ok(found.map(TenantId))
}
