//! SQL of extractions and pages. What a job found is written by the functions of the bundle's migrations.

use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, types::Json};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Its job waits or runs.
    Pending,
    Succeeded,
    Failed,
}

#[derive(Clone, Debug, FromRow, Serialize, Deserialize, ToSchema)]
pub struct Extraction {
    pub id: Uuid,
    pub file_id: Uuid,
    pub state: State,
    /// Why it failed, for people.
    #[schema(example = "The file is encrypted. Remove its password and upload it again.")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many pages were found, once it succeeded.
    #[schema(example = 3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_count: Option<i32>,
    pub ordered_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// What was found on a page of a file.
#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct PageText {
    /// From 1.
    #[schema(example = 1)]
    pub number: i32,
    /// Lines from top to bottom; a tab stands between what is far apart.
    #[schema(example = "Invoice 17\n\nItem\tPrice\nKettle\t9.50")]
    pub text: String,
    /// Rows of cells.
    #[schema(value_type = Vec<Vec<Vec<String>>>)]
    pub tables: Json<Value>,
}

/// The job of an extraction that was ordered now.
#[derive(Debug, FromRow)]
pub struct Ordered {
    pub file_id: Uuid,
    pub job_id: Uuid,
}

const EXTRACTIONS: &str = "
    SELECT id, file_id, state, reason, page_count, ordered_at, finished_at FROM extractions
     WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR id < $1) AND ($3::text IS NULL OR state = $3)
     ORDER BY id DESC LIMIT $2";
const ORDER: &str = "
    INSERT INTO extractions AS e (id, file_id, job_id, ordered_at)
    SELECT id, file_id, job_id, $4 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS new (id, file_id, job_id)
    ON CONFLICT (file_id) DO UPDATE
       SET job_id = excluded.job_id, state = 'pending', reason = NULL, ordered_at = excluded.ordered_at,
           finished_at = NULL
     WHERE e.state = 'failed'
    RETURNING file_id, job_id";

/// Newest first; only those in `state`, if one is given.
pub async fn extractions(
    conn: &mut PgConnection,
    request: PageRequest,
    state: Option<State>,
) -> sqlx::Result<Vec<Extraction>> {
    sqlx::query_as(EXTRACTIONS).bind(request.after).bind(request.fetch()).bind(state).fetch_all(conn).await
}

pub async fn extraction(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Extraction>> {
    sqlx::query_as(
        "SELECT id, file_id, state, reason, page_count, ordered_at, finished_at FROM extractions WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

pub async fn of_files(conn: &mut PgConnection, files: &[Uuid]) -> sqlx::Result<Vec<Extraction>> {
    sqlx::query_as(
        "SELECT id, file_id, state, reason, page_count, ordered_at, finished_at FROM extractions
          WHERE file_id = ANY($1) ORDER BY id",
    )
    .bind(files)
    .fetch_all(conn)
    .await
}

/// Those of the files that are there; until the transaction ends, nobody deletes them.
pub async fn lock_files(conn: &mut PgConnection, files: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar("SELECT id FROM files WHERE id = ANY($1) ORDER BY id FOR KEY SHARE")
        .bind(files)
        .fetch_all(conn)
        .await
}

/// Notes an extraction of each file that has none, or whose last one failed; gives those. `ids` and `jobs` are for
/// them.
pub async fn order(
    conn: &mut PgConnection,
    files: &[Uuid],
    ids: &[Uuid],
    jobs: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Ordered>> {
    sqlx::query_as(ORDER).bind(ids).bind(files).bind(jobs).bind(now).fetch_all(conn).await
}

pub async fn page(conn: &mut PgConnection, extraction: Uuid, number: i32) -> sqlx::Result<Option<PageText>> {
    sqlx::query_as("SELECT number, text, tables FROM pages WHERE extraction_id = $1 AND number = $2")
        .bind(extraction)
        .bind(number)
        .fetch_optional(conn)
        .await
}
