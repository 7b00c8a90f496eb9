//! The default plan of a service: each version of the service announces one of its plan, by the prices in its manifest.

use super::{Aggregation, Kind, Rate, UNIT_OF_FEATURES};
use crate::{
    currency::Currency,
    pricing::{Charge, Invalid, Model},
    taxes::STANDARD,
};
use common::ambient::Ambient;
use contracts::manifest::Manifest;
use rust_decimal::Decimal;
use sqlx::types::Json;
use std::iter;

/// The rates that `manifest` announces.
pub fn rates(manifest: &Manifest, currency: &Currency, ambient: &Ambient) -> Result<Vec<Rate>, Invalid> {
    let Manifest { service, version, title, .. } = manifest;
    let rate = |kind, name: String, title: String, unit: &str, model| {
        Ok(Rate {
            id: ambient.uuid(),
            plan: service.clone(),
            version: version.clone(),
            kind,
            name,
            title,
            unit: unit.to_owned(),
            aggregation: Aggregation::Sum,
            charge: Json(Charge::new(model, Decimal::ZERO, Decimal::ZERO)?),
            currency: currency.clone(),
            tax_group: STANDARD.into(),
        })
    };
    let hour = |price| Model::PerHour { price, minimum_seconds: 0 };
    let feature = |name, title, price| rate(Kind::Feature, name, title, UNIT_OF_FEATURES, hour(price));
    let of = |name: &str| format!("{service}.{name}");
    let titled = |part: &str| format!("{title}: {part}");
    let modules = manifest.modules.iter();
    let modules = modules.map(|module| feature(of(&module.name), titled(&module.title), module.price_per_hour));
    let meters = manifest.meters.iter().map(|meter| {
        let model = Model::PerUnit { price: meter.price_per_unit };
        rate(Kind::Meter, of(&meter.name), titled(&meter.name), &meter.unit, model)
    });
    let whole = feature(service.clone(), title.clone(), manifest.price_per_hour);
    iter::once(whole).chain(modules).chain(meters).collect()
}
