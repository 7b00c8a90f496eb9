//! What does a feature or a meter cost? A rate belongs to one version of a service and never changes; it holds for the instances that run that version.

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::manifest::Manifest;
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a rate prices: time of use, or things counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    Feature,
    Meter,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Rate {
    pub id: Uuid,
    pub kind: Kind,
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "forum.polls")]
    pub name: String,
    /// Version of the service whose instances it holds for.
    #[schema(example = "1.0.0")]
    pub version: String,
    #[schema(example = "Forum: Polls")]
    pub title: String,
    /// What one unit is: `hour` of a feature, or what the meter counts.
    #[schema(example = "hour")]
    pub unit: String,
    /// Price of one unit.
    #[schema(example = "0.02")]
    pub price: Decimal,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// When the version was announced.
    pub valid_from: DateTime<Utc>,
}

/// The rates that `manifest` announces, said at `valid_from`.
pub fn announced(manifest: &Manifest, currency: &Currency, valid_from: DateTime<Utc>, ambient: &Ambient) -> Vec<Rate> {
    let rate = |kind, name: String, title: String, unit: &str, price| Rate {
        id: ambient.uuid(),
        kind,
        service: manifest.service.clone(),
        name,
        version: manifest.version.clone(),
        title,
        unit: unit.to_owned(),
        price,
        currency: currency.clone(),
        valid_from,
    };
    let Manifest { service, title, .. } = manifest;
    let mut rates = vec![rate(Kind::Feature, service.clone(), title.clone(), "hour", manifest.price_per_hour)];
    rates.extend(manifest.modules.iter().map(|module| {
        rate(
            Kind::Feature,
            format!("{service}.{}", module.name),
            format!("{title}: {}", module.title),
            "hour",
            module.price_per_hour,
        )
    }));
    rates.extend(manifest.meters.iter().map(|meter| {
        rate(
            Kind::Meter,
            format!("{service}.{}", meter.name),
            format!("{title}: {}", meter.name),
            &meter.unit,
            meter.price_per_unit,
        )
    }));
    rates
}

/// Whether two announcements of the same version say the same price.
pub fn same_price(one: &Rate, other: &Rate) -> bool {
    (one.price, &one.currency, &one.unit) == (other.price, &other.currency, &other.unit)
}

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
        r#"SELECT id, kind AS "kind: Kind", service, name, version, title, unit, price, currency AS "currency: Currency", valid_from
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
        r#"SELECT id, kind AS "kind: Kind", service, name, version, title, unit, price, currency AS "currency: Currency", valid_from
           FROM rate WHERE id = ANY($1) ORDER BY kind, name, valid_from, id"#,
        ids
    );
    found.fetch_all(conn).await
}
