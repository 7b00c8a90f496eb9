//! SQL of what happened.

use super::model::Kept;
use chrono::{DateTime, TimeDelta, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use messaging::weeks::Weekly;
use serde::Serialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// The weeks of it: whoever looks for what happened a month ago finds it.
pub const WEEKS: Weekly =
    Weekly { table: "message_history", add: "CALL message_history_add_weeks($1, $2)", kept: TimeDelta::days(35) };

/// Longest time that a search may take the database.
const LONGEST_SEARCH: Duration = Duration::from_secs(5);
/// SQLSTATE of a statement that was ended by its time limit.
const QUERY_CANCELED: &str = "57014";

/// A message that was said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// The message's id.
    pub id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "auth.tenant.created.v1")]
    pub kind: String,
    /// The service that said it.
    #[schema(example = "/services/auth")]
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// When it was said.
    pub time: DateTime<Utc>,
    /// Of the trace that it is part of (W3C Trace Context).
    #[schema(example = "0af7651916cd43dd8448eb211c80319c")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The job that it orders, or whose end it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Uuid>,
    /// What it said; `[personal]` and `[secret]` stand for what is not shown.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Its data are not kept: they are larger than 16 KiB, or of a type that was not known then.
    pub cut: bool,
}

/// Keeps messages with one statement; one that is there already stays as it is.
pub async fn insert(tx: &mut CrossTenantTx, kept: &[Kept]) -> sqlx::Result<()> {
    let column = |of: fn(&Kept) -> Option<Uuid>| kept.iter().map(of).collect::<Vec<_>>();
    let words: Vec<_> = kept.iter().map(|kept| kept.words.join(" ")).collect();
    let inserted = sqlx::query!(
        "INSERT INTO message_history (id, type, source, tenant_id, time, trace_id, job_id, data, words)
         SELECT id, type, source, tenant_id, time, trace_id, job_id, data, string_to_array(words, ' ')
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::text[], $7::uuid[],
                       $8::jsonb[], $9::text[])
             AS kept (id, type, source, tenant_id, time, trace_id, job_id, data, words)
         ON CONFLICT DO NOTHING",
        &kept.iter().map(|kept| kept.id).collect::<Vec<_>>(),
        &kept.iter().map(|kept| kept.kind.clone()).collect::<Vec<_>>(),
        &kept.iter().map(|kept| kept.source.clone()).collect::<Vec<_>>(),
        &column(|kept| kept.tenant) as &[Option<Uuid>],
        &kept.iter().map(|kept| kept.time).collect::<Vec<_>>(),
        &kept.iter().map(|kept| kept.trace_id.clone()).collect::<Vec<_>>() as &[Option<String>],
        &column(|kept| kept.job) as &[Option<Uuid>],
        &kept.iter().map(|kept| kept.data.clone()).collect::<Vec<_>>() as &[Option<Value>],
        &words
    );
    inserted.execute(&mut **tx).await.map(drop)
}

/// Bounds what a search in this transaction may cost: a word that millions of messages have, and no tenant, would be
/// looked for in all weeks. Each search is planned for its own filters, as there is no plan that suits all.
pub async fn bound(tx: &mut CrossTenantTx) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "SET LOCAL statement_timeout = '{}s'; SET LOCAL plan_cache_mode = force_custom_plan",
        LONGEST_SEARCH.as_secs()
    )))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether a search came to the end of its time.
pub fn is_cut(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == QUERY_CANCELED)
}

/// Which messages are asked for; nothing means all.
#[derive(Debug, Default)]
pub struct Wanted {
    pub tenant: Option<Uuid>,
    pub kind: Option<String>,
    pub id: Option<Uuid>,
    pub trace_id: Option<String>,
    pub job: Option<Uuid>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// All of these words.
    pub words: Vec<String>,
}

pub async fn page(tx: &mut CrossTenantTx, wanted: &Wanted, request: PageRequest) -> sqlx::Result<Vec<HistoryEntry>> {
    bound(tx).await?;
    sqlx::query_as!(
        HistoryEntry,
        r#"SELECT id, type AS kind, source, tenant_id, time, trace_id, job_id, data, data IS NULL AS "cut!"
             FROM message_history
            WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR type = $2)
              AND ($3::uuid IS NULL OR id = $3) AND ($4::text IS NULL OR trace_id = $4)
              AND ($5::timestamptz IS NULL OR id >= lowest_id_at($5))
              AND ($6::timestamptz IS NULL OR id < lowest_id_at($6))
              AND ($7::text[] = '{}' OR words @> $7) AND ($8::uuid IS NULL OR job_id = $8) AND id > $9
            ORDER BY id LIMIT $10"#,
        wanted.tenant,
        wanted.kind.as_deref(),
        wanted.id,
        wanted.trace_id.as_deref(),
        wanted.since,
        wanted.until,
        &wanted.words(),
        wanted.job,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

impl Wanted {
    /// What the index of words knows of it: types, traces and jobs are words, too.
    fn words(&self) -> Vec<String> {
        let named = [self.kind.as_ref().map(|kind| kind.to_lowercase()), self.trace_id.clone()];
        let job = self.job.map(|job| job.to_string());
        self.words.iter().cloned().chain(named.into_iter().flatten()).chain(job).collect()
    }
}
