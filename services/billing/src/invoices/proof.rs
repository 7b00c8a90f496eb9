//! Proofs of lines: the raw rows are added up once more, all of them, and must come to what the line says.

use super::{
    earlier_store, input_store as inputs,
    model::{Input, Tally, Unpriceable},
    store::{self, Line},
};
use crate::{
    calendar::Span,
    plans::{self, Kind, Rate},
    pricing::TooLarge,
};
use common::{
    db::TenantTx,
    page::{Page, PageRequest},
    problem::Problem,
};
use futures_util::TryStreamExt;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;
use uuid::Uuid;

/// A line, proved from its raw rows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    pub line: Line,
    pub rate: Rate,
    /// Recomputed from the raw rows, as all that follows.
    #[schema(format = "decimal")]
    pub quantity: Decimal,
    pub unit: String,
    /// One page of the raw rows, in the order of their ids.
    pub raw: Vec<Input>,
    /// The `cursor` of the next page of raw rows; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    pub recomputed_amount_minor: i64,
    pub recomputed_sha256: String,
    /// Whether amount, quantity, components, count and hash are those that the line stores.
    pub equal: bool,
}

/// Of a line of `invoice`, with the raw rows of `page`. What earlier lines have billed is taken from them: each has a
/// proof of its own.
pub async fn prove(tx: &mut TenantTx, invoice: Uuid, line: Line, page: PageRequest) -> Result<Explanation, Problem> {
    let rate = plans::store::find(tx, line.rate_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    let key = (rate.id, Span { from: line.period_start, until: line.period_end });
    let cut = store::cut(tx, invoice).await?;
    let earlier = earlier_store::of(tx, &[(key, rate.aggregation)], cut).await?.remove(&key);
    let mut shown = Shown { page, rows: BTreeMap::new() };
    let mut tally = Tally::default();
    match line.rate_kind {
        Kind::Feature => {
            let mut intervals = inputs::intervals(tx, line.id);
            while let Some(interval) = intervals.try_next().await? {
                tally.add(&interval)?;
                shown.see(interval);
            }
        }
        Kind::Meter => {
            let parts = inputs::parts(tx, line.id).await?;
            let mut of_parts: HashMap<_, _> = parts.iter().map(|part| (part.id, Tally::default())).collect();
            let mut events = inputs::events(tx, line.id, &parts);
            while let Some((part, event)) = events.try_next().await? {
                of_parts.entry(part).or_default().add(&event)?;
                shown.see(event);
            }
            for part in &parts {
                let of_part = of_parts.remove(&part.id).unwrap_or_default();
                tally.add_part(part.instance_id, &of_part.finish())?;
            }
        }
    }
    let Page { items: raw, next_cursor } = Page::cut(shown.rows.into_values().collect(), page, Input::id);
    let priced = tally.price(&rate, earlier.as_ref())?;
    let equal = (priced.amount_minor, priced.quantity, priced.used_before, priced.used_after, priced.inputs)
        == (line.amount_minor, line.quantity, line.used_before, line.used_after, line.input_count)
        && (&priced.sha256, &priced.components, &priced.instances)
            == (&line.input_sha256, &line.components.0, &line.instances.0);
    Ok(Explanation {
        quantity: priced.quantity,
        unit: rate.unit.clone(),
        raw,
        next_cursor,
        recomputed_amount_minor: priced.amount_minor,
        recomputed_sha256: priced.sha256,
        equal,
        line,
        rate,
    })
}

/// The rows of a page, and one more that tells that there is another page.
struct Shown {
    page: PageRequest,
    rows: BTreeMap<Uuid, Input>,
}

impl Shown {
    fn see(&mut self, input: Input) {
        if input.id() > self.page.after {
            self.rows.insert(input.id(), input);
            if self.rows.len() > self.page.limit as usize + 1 {
                self.rows.pop_last();
            }
        }
    }
}

impl From<Unpriceable> for Problem {
    fn from(error: Unpriceable) -> Self {
        Self::internal(&error)
    }
}

impl From<TooLarge> for Problem {
    fn from(error: TooLarge) -> Self {
        Self::internal(&error)
    }
}
