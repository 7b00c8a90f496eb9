//! SQL of rates.

use super::{Kind, Rate};
use crate::currency::Currency;
use sqlx::PgConnection;
use uuid::Uuid;

/// Keeps `rate` unless that version has one, and gives the one that is kept.
pub async fn keep(conn: &mut PgConnection, rate: &Rate) -> sqlx::Result<Rate> {
    sqlx::query!(
        "INSERT INTO rate (id, kind, service, name, version, title, unit, price, currency, valid_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT rate_version DO NOTHING",
        rate.id,
        rate.kind as Kind,
        rate.service,
        rate.name,
        rate.version,
        rate.title,
        rate.unit,
        rate.price,
        rate.currency.code(),
        rate.valid_from,
    )
    .execute(&mut *conn)
    .await?;
    let kept = sqlx::query_as!(
        Rate,
        r#"SELECT id, kind AS "kind: Kind", service, name, version, title, unit, price,
           currency AS "currency: Currency", valid_from
           FROM rate WHERE service = $1 AND kind = $2 AND name = $3 AND version = $4"#,
        rate.service,
        rate.kind as Kind,
        rate.name,
        rate.version,
    );
    kept.fetch_one(conn).await
}

pub async fn find(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Rate>> {
    let found = sqlx::query_as!(
        Rate,
        r#"SELECT id, kind AS "kind: Kind", service, name, version, title, unit, price,
           currency AS "currency: Currency", valid_from
           FROM rate WHERE id = ANY($1) ORDER BY kind, name, valid_from, id"#,
        ids
    );
    found.fetch_all(conn).await
}
