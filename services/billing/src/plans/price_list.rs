//! What everything costs one tenant, and when. Pure.

use super::{Kind, Rate};
use crate::calendar::Span;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// The rates of a tenant's subscriptions, in one currency.
#[derive(Default)]
pub struct PriceList {
    terms: Terms,
    complete: HashSet<(String, Span)>,
    rates: HashMap<(Kind, String), Vec<(Span, Rate)>>,
}

/// During which each service was paid by one version of a plan, in the order of time.
pub type Terms = HashMap<String, Vec<Span>>;

impl PriceList {
    /// Notes the time in which a version of a plan holds for a service.
    pub fn add_term(&mut self, service: &str, plan: &str, span: Span) {
        let spans = self.terms.entry(service.to_owned()).or_default();
        if !spans.contains(&span) {
            spans.push(span);
        }
        if plan != service {
            self.complete.insert((service.to_owned(), span));
        }
    }

    /// Notes what something costs in a time.
    pub fn add_rate(&mut self, span: Span, rate: Rate) {
        self.rates.entry((rate.kind, rate.name.clone())).or_default().push((span, rate));
    }

    /// Whether the plan that holds at a moment says all that is to be paid: what it leaves out costs nothing. What a
    /// default plan leaves out waits for a version that has it.
    pub fn is_complete(&self, service: &str, at: DateTime<Utc>) -> bool {
        self.complete.contains(&(service.to_owned(), term(&self.terms, service, at)))
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// All that a service has cost, costs and will.
    pub fn rates_of(&self, service: &str) -> impl Iterator<Item = &Rate> {
        let of_service = move |name: &str| name.split('.').next() == Some(service);
        let rates = self.rates.iter().filter(move |((_, name), _)| of_service(name));
        rates.flat_map(|(_, rates)| rates.iter().map(|(_, rate)| rate))
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
