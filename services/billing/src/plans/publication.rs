//! A version of a plan, as an operator publishes it: is it sound?

use super::{Aggregation, Kind, Rate, UNIT_OF_FEATURES};
use crate::{currency::Currency, pricing::Charge, taxes::STANDARD};
use common::{ambient::Ambient, problem::FieldError};
use serde::Deserialize;
use sqlx::types::Json;
use std::collections::HashSet;
use utoipa::ToSchema;

const MOST_RATES: usize = 500;
const LONGEST_TEXT: usize = 200;
/// Digits of each number of a version, and numbers that it may have.
const VERSION: (usize, usize) = (9, 4);

/// A version of a plan with its prices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The service, a colon, and a name in lower-case letters, digits and `-`.
    #[schema(example = "forum:enterprise", max_length = 60)]
    pub name: String,
    #[schema(example = "forum", max_length = 40)]
    pub service: String,
    #[schema(example = "Forum for enterprises", min_length = 1, max_length = 200)]
    pub title: String,
    /// Up to four numbers; later than every version that is published.
    #[schema(example = "2")]
    pub version: String,
    /// At most 500.
    pub rates: Vec<RateOfPublication>,
}

/// What a feature or a meter costs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateOfPublication {
    pub kind: Kind,
    /// The service itself, or one of its modules or meters.
    #[schema(example = "forum.posts", max_length = 100)]
    pub name: String,
    #[schema(example = "Forum: posts", min_length = 1, max_length = 200)]
    pub title: String,
    /// What one unit is; `hour` of a feature.
    #[schema(example = "post", min_length = 1, max_length = 200)]
    pub unit: String,
    /// How events become a quantity; only meters have events.
    #[serde(default)]
    pub aggregation: Aggregation,
    /// `per_hour` of a feature; any other of a meter.
    pub charge: Charge,
    #[schema(example = "EUR")]
    pub currency: String,
    /// Which of a country's rates of VAT is applied to it, in lower-case letters, digits and `-`.
    #[serde(default = "standard")]
    #[schema(example = "standard", default = "standard", max_length = 40)]
    pub tax_group: String,
}

fn standard() -> String {
    STANDARD.into()
}

impl Publication {
    /// Every fault, by its field.
    pub fn faults(&self) -> Vec<FieldError> {
        let Self { name, service, title, version, rates } = self;
        let prefix = format!("{service}:");
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, field: &str, code: &str, text: &str| {
            if wrong {
                faults.push(FieldError::new(field, code, text));
            }
        };
        fault(!is_name(service), "service", "malformed", "must be the name of a service");
        let plan = name.strip_prefix(&prefix).is_some_and(|rest| is_name(rest) && name.len() <= 60);
        fault(
            !plan,
            "name",
            "malformed",
            "must be the service, a colon, and a name of lower-case letters, digits, '-'",
        );
        fault(!is_text(title), "title", "length", "must have 1 to 200 characters");
        fault(!is_version(version), "version", "malformed", "must be 1 to 4 numbers of up to 9 digits, such as 1.2");
        fault(rates.is_empty() || rates.len() > MOST_RATES, "rates", "length", "must be 1 to 500 rates");
        if faults.is_empty() {
            let mut seen = HashSet::new();
            for (at, rate) in rates.iter().enumerate() {
                rate.faults(at, service, &mut faults);
                if !seen.insert((rate.kind, &rate.name, &rate.currency)) {
                    let text = "is priced twice in this currency";
                    faults.push(FieldError::new(format!("rates[{at}].name"), "duplicate", text));
                }
            }
        }
        faults
    }

    /// What is sound becomes rates.
    pub fn rates(self, ambient: &Ambient) -> Vec<Rate> {
        let (plan, version) = (&self.name, &self.version);
        let rates = self.rates.into_iter().filter_map(|rate| {
            Some(Rate {
                id: ambient.uuid(),
                plan: plan.clone(),
                version: version.clone(),
                kind: rate.kind,
                name: rate.name,
                title: rate.title,
                unit: rate.unit,
                aggregation: rate.aggregation,
                charge: Json(rate.charge),
                currency: rate.currency.parse().ok()?,
                tax_group: rate.tax_group,
            })
        });
        rates.collect()
    }
}

impl RateOfPublication {
    fn faults(&self, at: usize, service: &str, faults: &mut Vec<FieldError>) {
        let mut fault = |wrong: bool, field: &str, code: &str, text: &str| {
            if wrong {
                faults.push(FieldError::new(format!("rates[{at}].{field}"), code, text));
            }
        };
        let feature = self.kind == Kind::Feature;
        let part = self.name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
        let named = part.is_some_and(is_name) || feature && self.name == service;
        fault(!named, "name", "malformed", "must be a module or a meter of the service, as in forum.posts");
        fault(!is_text(&self.title), "title", "length", "must have 1 to 200 characters");
        fault(!is_text(&self.unit), "unit", "length", "must have 1 to 200 characters");
        fault(feature && self.unit != UNIT_OF_FEATURES, "unit", "invalid", "must be 'hour': features are used in time");
        let sum = self.aggregation == Aggregation::Sum;
        fault(feature && !sum, "aggregation", "invalid", "must be 'sum': a feature's seconds are added up");
        let text = "must be 'per_hour' of a feature, and another model of a meter";
        fault(self.charge.is_per_hour() != feature, "charge", "invalid", text);
        let currency = self.currency.parse::<Currency>();
        fault(currency.is_err(), "currency", "malformed", "must be an ISO 4217 code of three capital letters");
        let text = "must be a name of lower-case letters, digits, '-'";
        fault(!is_name(&self.tax_group), "tax_group", "malformed", text);
    }
}

/// As manifests name services, modules and meters.
pub fn is_name(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len()) && name.as_bytes()[0].is_ascii_lowercase() && name.bytes().all(sound)
}

fn is_text(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_version(version: &str) -> bool {
    let (digits, numbers) = VERSION;
    let number = |text: &str| (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').count() <= numbers && version.split('.').all(number)
}
