//! SQL of files.

use super::model::{MOST_FILES, NewFile};
use crate::extractions::store::{Extraction, State};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct File {
    pub id: Uuid,
    #[schema(example = "invoice.pdf")]
    pub name: String,
    #[schema(example = 48213)]
    pub bytes: i64,
    pub created_at: DateTime<Utc>,
    /// Absent until one is ordered.
    #[sqlx(json(nullable))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extraction: Option<Extraction>,
}

impl File {
    /// Whether it waits to be read.
    pub fn is_pending(&self) -> bool {
        self.extraction.as_ref().is_some_and(|extraction| extraction.state == State::Pending)
    }
}

const FILES: &str = "
    SELECT f.id, f.name, f.bytes, f.created_at, CASE WHEN e.id IS NOT NULL THEN to_jsonb(e) END AS extraction
      FROM files f LEFT JOIN extractions e ON e.file_id = f.id
     WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR f.id < $1) AND ($3::uuid IS NULL OR f.id = $3)
     ORDER BY f.id DESC LIMIT $2";
const INSERT: &str = "
    INSERT INTO files (id, name, bytes, created_at)
    SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM (SELECT 1 FROM files LIMIT $5) AS kept) < $5";

/// Newest first.
pub async fn files(conn: &mut PgConnection, request: PageRequest) -> sqlx::Result<Vec<File>> {
    sqlx::query_as(FILES).bind(request.after).bind(request.fetch()).bind(None::<Uuid>).fetch_all(conn).await
}

pub async fn file(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<File>> {
    sqlx::query_as(FILES).bind(Uuid::nil()).bind(1_i64).bind(id).fetch_optional(conn).await
}

/// Whether there was room for it.
pub async fn insert(conn: &mut PgConnection, id: Uuid, file: &NewFile, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let insert = sqlx::query(INSERT).bind(id).bind(&file.name).bind(file.bytes.cast_signed()).bind(now);
    Ok(insert.bind(MOST_FILES).execute(conn).await?.rows_affected() == 1)
}

/// With what was read of it.
pub async fn delete(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM files WHERE id = $1").bind(id).execute(conn).await.map(|_| ())
}
