//! SQL of published versions, which are no tenant's.

use chrono::{DateTime, Utc};
use common::page::PageRequest;
use contracts::{id::Principal, manifest::Manifest};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// The latest version of a service.
pub struct Latest {
    pub id: Uuid,
    pub manifest: Json<Manifest>,
}

/// The versions of the service, to which nobody else adds one until the transaction ends.
pub async fn hold_versions(conn: &mut PgConnection, service: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('versions of ' || $1::text, 0)) AS locked", service)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query_scalar!("SELECT version FROM service_versions WHERE service = $1", service).fetch_all(conn).await
}

/// Adds a version; `false` if that version is there already.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    manifest: &Manifest,
    by: &Principal,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO service_versions (id, service, version, manifest, published_at, published_by)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT service_versions_once DO NOTHING",
        id,
        manifest.service,
        manifest.version,
        Json(manifest) as _,
        now,
        by.to_string()
    );
    Ok(inserted.execute(conn).await?.rows_affected() == 1)
}

pub async fn version(conn: &mut PgConnection, service: &str, version: &str) -> sqlx::Result<Option<Manifest>> {
    let manifest = sqlx::query_scalar!(
        r#"SELECT manifest AS "manifest: Json<Manifest>" FROM service_versions WHERE service = $1 AND version = $2"#,
        service,
        version
    );
    Ok(manifest.fetch_optional(conn).await?.map(|manifest| manifest.0))
}

/// The latest version of a service; `None` if none was ever published.
pub async fn latest(conn: &mut PgConnection, service: &str) -> sqlx::Result<Option<Manifest>> {
    let manifest = sqlx::query_scalar!(
        r#"SELECT manifest AS "manifest: Json<Manifest>" FROM service_versions WHERE service = $1
           ORDER BY release DESC LIMIT 1"#,
        service
    );
    Ok(manifest.fetch_optional(conn).await?.map(|manifest| manifest.0))
}

/// The latest version of each service.
pub async fn list(conn: &mut PgConnection, page: PageRequest) -> sqlx::Result<Vec<Latest>> {
    sqlx::query_as!(
        Latest,
        r#"SELECT id, manifest AS "manifest: Json<Manifest>"
           FROM (SELECT DISTINCT ON (service) id, manifest FROM service_versions ORDER BY service, release DESC)
           AS latest
           WHERE id > $1 ORDER BY id LIMIT $2"#,
        page.after,
        page.fetch()
    )
    .fetch_all(conn)
    .await
}
