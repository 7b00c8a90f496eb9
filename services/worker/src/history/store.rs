//! SQL of what happened.

use super::model::Kept;
use chrono::{DateTime, TimeDelta, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use contracts::envelope::Envelope;
use messaging::weeks::Weekly;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// The weeks of it: whoever looks for what happened a month ago finds it.
pub const WEEKS: Weekly =
    Weekly { table: "message_history", add: "CALL message_history_add_weeks($1, $2)", kept: TimeDelta::days(35) };

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
    /// What it said; `[personal]` and `[secret]` stand for what is not shown.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Its data are not kept: they are larger than 16 KiB, or of a type that was not known then.
    pub cut: bool,
}

/// Keeps a message; one that is there already stays as it is.
pub async fn insert(tx: &mut CrossTenantTx, said: &Envelope, kept: &Kept) -> sqlx::Result<()> {
    let inserted = sqlx::query!(
        "INSERT INTO message_history (id, type, source, tenant_id, time, trace_id, data, words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        said.id.0,
        said.kind,
        said.source,
        said.tenant.map(|tenant| tenant.0),
        said.time,
        kept.trace_id.as_deref(),
        kept.data,
        &kept.words
    );
    inserted.execute(&mut **tx).await.map(drop)
}

/// Which messages are asked for; nothing means all.
#[derive(Debug, Default)]
pub struct Wanted {
    pub tenant: Option<Uuid>,
    pub kind: Option<String>,
    pub id: Option<Uuid>,
    pub trace_id: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// All of these words.
    pub words: Vec<String>,
}

pub async fn page(tx: &mut CrossTenantTx, wanted: &Wanted, request: PageRequest) -> sqlx::Result<Vec<HistoryEntry>> {
    sqlx::query_as!(
        HistoryEntry,
        r#"SELECT id, type AS kind, source, tenant_id, time, trace_id, data, data IS NULL AS "cut!"
             FROM message_history
            WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR type = $2)
              AND ($3::uuid IS NULL OR id = $3) AND ($4::text IS NULL OR trace_id = $4)
              AND ($5::timestamptz IS NULL OR id >= lowest_id_at($5))
              AND ($6::timestamptz IS NULL OR id < lowest_id_at($6))
              AND ($7::text[] = '{}' OR words @> $7) AND id > $8
            ORDER BY id LIMIT $9"#,
        wanted.tenant,
        wanted.kind.as_deref(),
        wanted.id,
        wanted.trace_id.as_deref(),
        wanted.since,
        wanted.until,
        &wanted.words,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}
