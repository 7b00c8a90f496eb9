//! What everything costs one tenant, and when. Pure.

use super::{Kind, Rate};
use crate::calendar::Span;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// The rates of a tenant's subscriptions, in one currency.
#[derive(Default)]
pub struct PriceList {
    terms: Terms,
    rates: HashMap<(Kind, String), Vec<(Span, Rate)>>,
}

/// During which each service was paid by one version of a plan, in the order of time.
pub type Terms = HashMap<String, Vec<Span>>;

impl PriceList {
    /// Notes the times in which a version of a plan holds for a service, and its rates.
    pub fn add(&mut self, service: &str, span: Span, rate: Option<Rate>) {
        let spans = self.terms.entry(service.to_owned()).or_default();
        if !spans.contains(&span) {
            spans.push(span);
        }
        if let Some(rate) = rate {
            self.rates.entry((rate.kind, rate.name.clone())).or_default().push((span, rate));
        }
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What costs something at a moment.
    pub fn rate(&self, kind: Kind, name: &str, at: DateTime<Utc>) -> Option<&Rate> {
        let rates = self.rates.get(&(kind, name.to_owned()))?;
        rates.iter().find(|(span, _)| span.contains(at)).map(|(_, rate)| rate)
    }
}

/// The time around a moment in which one version of a plan holds for the service.
pub fn term(terms: &Terms, service: &str, at: DateTime<Utc>) -> Span {
    let spans = terms.get(service).into_iter().flatten();
    spans.copied().find(|span| span.contains(at)).unwrap_or(Span::ALWAYS)
}
