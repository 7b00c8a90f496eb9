//! The manifest of a version: when is it fit to be published?

use crate::instances::setup;
use common::problem::FieldError;
use contracts::manifest::{Manifest, Meter, Module};
use contracts::{messages::ServicePublished, roster};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// A message is at most 256 KiB (SNS), with its envelope.
const LARGEST_ANNOUNCEMENT: usize = 200 * 1024;
/// The setup form has a field of its own of that name.
const CODE_FIELD: &str = "setup_code";

/// A service as the catalog shows it, in its latest version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CatalogItem {
    #[schema(example = "forum")]
    pub service: String,
    #[schema(example = "1.0.0")]
    pub version: String,
    pub title: String,
    pub description: String,
    /// ISO 4217 code of every price below.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Price of an hour of one instance.
    #[schema(format = "decimal", example = "0.02")]
    pub price_per_hour: Decimal,
    pub modules: Vec<Module>,
    pub meters: Vec<CatalogMeter>,
}

/// Something that is counted and billed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CatalogMeter {
    #[schema(example = "posts")]
    pub name: String,
    #[schema(example = "post")]
    pub unit: String,
    #[schema(format = "decimal", example = "0.001")]
    pub price_per_unit: Decimal,
}

impl From<Manifest> for CatalogItem {
    fn from(manifest: Manifest) -> Self {
        let Manifest { service, version, title, description, currency, price_per_hour, modules, meters, .. } = manifest;
        Self {
            service,
            version,
            title,
            description,
            currency,
            price_per_hour,
            modules,
            meters: meters.into_iter().map(CatalogMeter::from).collect(),
        }
    }
}

impl From<Meter> for CatalogMeter {
    fn from(meter: Meter) -> Self {
        Self { name: meter.name, unit: meter.unit, price_per_unit: meter.price_per_unit }
    }
}

/// Whether `version` may join those that are there: newer than all of them, or the next patch of a line (`1.0`) that
/// they have begun.
///
/// Anything else would be a new old version: whoever looks at the dates would take it for the latest, and whoever looks
/// at the numbers would not.
pub fn may_join(version: &str, published: &[String]) -> bool {
    let release =
        |version: &str| version.split('.').map(|part| part.parse::<u32>().unwrap_or_default()).collect::<Vec<_>>();
    let (new, published) = (release(version), published.iter().map(|version| release(version)).collect::<Vec<_>>());
    let line = published.iter().filter(|there| there[..there.len() - 1] == new[..new.len() - 1]).max();
    line.or(published.iter().max()).is_none_or(|newest| new > *newest)
}

/// What is wrong with the manifest of a request's body; empty if it is fit to be published.
pub fn faults(manifest: &Manifest) -> Vec<FieldError> {
    let mut errors: Vec<_> =
        manifest.faults().into_iter().map(|fault| FieldError::new("manifest", "invalid", fault)).collect();
    // It would take over that service's permissions.
    if roster::is_reserved(&manifest.service) || roster::product_of_worker(&manifest.service).is_some() {
        errors.push(FieldError::new(
            "manifest.service",
            "reserved",
            "is the name of one of the platform's own services, or of a product's worker",
        ));
    }
    if let Err(fault) = setup::validator(&manifest.setup) {
        errors.push(FieldError::new("manifest.setup", "invalid", format!("is not a JSON Schema: {fault}")));
    }
    if manifest.setup.pointer(&format!("/properties/{CODE_FIELD}")).is_some() {
        errors.push(FieldError::new(
            format!("manifest.setup.properties.{CODE_FIELD}"),
            "reserved",
            "is the name of the form's own field",
        ));
    }
    let announcement = serde_json::to_vec(&ServicePublished { manifest: manifest.clone() });
    if !announcement.is_ok_and(|bytes| bytes.len() <= LARGEST_ANNOUNCEMENT) {
        errors.push(FieldError::new(
            "manifest",
            "too_large",
            format!("must be at most {LARGEST_ANNOUNCEMENT} bytes of JSON"),
        ));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn faults_with(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut manifest = json!({
            "service": "forum", "version": "1.0.0", "title": "Forum", "currency": "EUR", "price_per_hour": "0.02",
            "modules": [
                {"name": "polls", "title": "Polls", "price_per_hour": "0.01"},
                {"name": "charts", "title": "Charts", "depends_on": ["polls"], "price_per_hour": "0.01"},
            ],
            "setup": {"type": "object", "properties": {"title": {"type": "string"}}},
        });
        change(&mut manifest);
        faults(&serde_json::from_value(manifest).unwrap())
            .into_iter()
            .map(|error| format!("{} {}", error.field, error.code))
            .collect()
    }

    #[test]
    fn a_sound_manifest_has_no_faults() {
        assert_eq!(faults_with(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn a_version_is_newer_than_all_or_a_patch_of_its_line() {
        let published = ["1.0.0", "1.0.9", "1.2.0", "2.0.0"].map(String::from);
        for version in ["2.0.1", "2.1.0", "10.0.0", "1.0.10", "1.2.1"] {
            assert!(may_join(version, &published), "{version}");
        }
        for version in ["0.9.0", "1.0.5", "1.1.0", "1.3.0", "1.2.0", "2.0.0"] {
            assert!(!may_join(version, &published), "{version}");
        }
        assert!(may_join("0.0.1", &[]));
    }

    #[test]
    fn each_fault_is_told_at_its_place() {
        assert_eq!(faults_with(|manifest| manifest["service"] = "billing".into()), ["manifest.service reserved"]);
        assert_eq!(faults_with(|manifest| manifest["service"] = "forum-worker".into()), ["manifest.service reserved"]);
        assert_eq!(faults_with(|manifest| manifest["currency"] = "euro".into()), ["manifest invalid"]);
        let circle = faults_with(|manifest| manifest["modules"][0]["depends_on"] = json!(["charts"]));
        assert_eq!(circle, ["manifest invalid"]);
        assert_eq!(
            faults_with(|manifest| manifest["setup"]["properties"]["title"]["type"] = "text".into()),
            ["manifest.setup invalid"]
        );
        let code = faults_with(|manifest| manifest["setup"]["properties"]["setup_code"] = json!({"type": "string"}));
        assert_eq!(code, ["manifest.setup.properties.setup_code reserved"]);
        assert_eq!(
            faults_with(|manifest| manifest["description"] = "x".repeat(LARGEST_ANNOUNCEMENT).into()),
            ["manifest too_large"]
        );
    }
}
