//! Rates: what a feature or a meter costs. A rate belongs to one version of a service and never changes; it holds for
//! the instances that run that version.

pub mod store;

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::manifest::Manifest;
use rust_decimal::Decimal;
use serde::Serialize;
use std::iter;
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
    #[schema(format = "decimal", example = "0.02")]
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
    let of = |kind, name: &str, part_title: &str, unit: &str, price| {
        rate(kind, format!("{service}.{name}"), format!("{title}: {part_title}"), unit, price)
    };
    let whole = rate(Kind::Feature, service.clone(), title.clone(), "hour", manifest.price_per_hour);
    let modules = manifest.modules.iter();
    let modules = modules.map(|module| of(Kind::Feature, &module.name, &module.title, "hour", module.price_per_hour));
    let meters = manifest.meters.iter();
    let meters = meters.map(|meter| of(Kind::Meter, &meter.name, &meter.name, &meter.unit, meter.price_per_unit));
    iter::once(whole).chain(modules).chain(meters).collect()
}

/// Whether two announcements of the same version say the same price.
pub fn same_price(one: &Rate, other: &Rate) -> bool {
    (one.price, &one.currency, &one.unit) == (other.price, &other.currency, &other.unit)
}
