//! SQL that keeps many metered events at once, each once under its key.

use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use contracts::messages::UsageRecorded;
use rust_decimal::Decimal;
use std::collections::HashSet;
use uuid::Uuid;

/// How an event was received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Receipt {
    New,
    /// The same key and the same body: no effect.
    Duplicate,
    /// The same key with another body: no effect, and somebody must look.
    Conflict,
}

/// Events by column, as `UNNEST` takes them.
pub(super) struct Columns {
    pub ids: Vec<Uuid>,
    pub services: Vec<String>,
    pub keys: Vec<String>,
    pub instances: Vec<Uuid>,
    pub meters: Vec<String>,
    pub quantities: Vec<Decimal>,
    pub times: Vec<DateTime<Utc>>,
}

impl Columns {
    /// Each event under a new id.
    pub fn of(ambient: &Ambient, events: &[&UsageRecorded]) -> Self {
        Self {
            ids: events.iter().map(|_| ambient.uuid()).collect(),
            services: events.iter().map(|event| event.service.clone()).collect(),
            keys: events.iter().map(|event| event.key.clone()).collect(),
            instances: events.iter().map(|event| event.instance_id.0).collect(),
            meters: events.iter().map(|event| event.meter.clone()).collect(),
            quantities: events.iter().map(|event| event.quantity).collect(),
            times: events.iter().map(|event| event.occurred_at).collect(),
        }
    }

    /// One receipt an event: new are those with these ids, and the same are those at these places, counted from 1.
    pub fn receipts(&self, new: &HashSet<Uuid>, same: &HashSet<i64>) -> Vec<Receipt> {
        let receipt = |(place, id): (i64, &Uuid)| match (new.contains(id), same.contains(&place)) {
            (true, _) => Receipt::New,
            (false, true) => Receipt::Duplicate,
            (false, false) => Receipt::Conflict,
        };
        (1..).zip(&self.ids).map(receipt).collect()
    }
}

/// Keeps events that are not there yet, in the order of their keys, so that nobody waits in a circle, and gives a
/// [`Receipt`] for each. `$more` is what the table has besides: a column, and its values as an array of texts.
macro_rules! insert_once {
    ($table:literal, $tx:ident, $ambient:ident, $events:ident) => {
        $crate::usage::insert_store::insert_once!($table, "", "", "", $tx, $ambient, $events)
    };
    ($table:literal, $column:literal, $given:literal, $array:literal, $tx:ident, $ambient:ident, $events:ident
        $(, $more:expr)?) => {{
        let given = $crate::usage::insert_store::Columns::of($ambient, $events);
        let inserted = sqlx::query_scalar!(
            "INSERT INTO " + $table + " (id, tenant_id, service, key, instance_id, meter, quantity, occurred_at, \
                                       received_at" + $column + ") \
             SELECT g.id, $1, g.service, g.key, g.instance_id, g.meter, g.quantity, g.occurred_at, $2" + $given + " \
             FROM UNNEST($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::numeric[], \
                         $9::timestamptz[]" + $array + ") \
             AS g (id, service, key, instance_id, meter, quantity, occurred_at" + $column + ") \
             ORDER BY g.service, g.key, g.id ON CONFLICT (tenant_id, service, key) DO NOTHING RETURNING id",
            $tx.tenant().0,
            $ambient.now(),
            &given.ids,
            &given.services,
            &given.keys,
            &given.instances,
            &given.meters,
            &given.quantities,
            &given.times
            $(, $more)?
        );
        let new: std::collections::HashSet<uuid::Uuid> = inserted.fetch_all(&mut **$tx).await?.into_iter().collect();
        if new.len() == given.ids.len() {
            return Ok(given.receipts(&new, &Default::default()));
        }
        let same = sqlx::query_scalar!(
            r#"SELECT g.place AS "place!" FROM UNNEST($2::text[], $3::text[], $4::uuid[], $5::text[], $6::numeric[],
               $7::timestamptz[]) WITH ORDINALITY AS g (service, key, instance_id, meter, quantity, occurred_at, place)
               JOIN "# + $table + " e ON e.tenant_id = $1 AND e.service = g.service AND e.key = g.key AND \
               (e.instance_id, e.meter, e.quantity, e.occurred_at) = \
               (g.instance_id, g.meter, g.quantity, g.occurred_at)",
            $tx.tenant().0,
            &given.services,
            &given.keys,
            &given.instances,
            &given.meters,
            &given.quantities,
            &given.times
        );
        let same = same.fetch_all(&mut **$tx).await?.into_iter().collect();
        Ok(given.receipts(&new, &same))
    }};
}
pub(super) use insert_once;
