//! Orders of jobs: a row beside the business fact says which command of the product's bundle is to run; it becomes a
//! message on the topic `worker-commands`.

use crate::{
    connections::Transaction,
    database::Database,
    instance::Instance,
    relay::{Batches, Outbox, Source, message_id, said_at},
};
use chrono::{DateTime, Utc};
use common::{
    problem::{Chain, Problem},
    trace,
};
use contracts::{
    envelope::Envelope,
    id::JobId,
    instance_database::{CONFIRM_ORDERS, ORDER, TAKE_ORDERS},
    jobs::{InputObject, RunCommand},
    messages::{Message, RunJob},
};
use messaging::schema;
use serde_json::Value;
use sqlx::{FromRow, Row as _, postgres::PgRow, types::Json};
use std::collections::BTreeSet;
use tokio::sync::Notify;
use uuid::Uuid;

/// Orders in one call.
pub const MOST_ORDERS: usize = 1_000;
/// Bytes of an order's key: with the instance and the command before it, it is the worker's `unique_key`.
const LONGEST_KEY: usize = 120;
/// Bytes of an order's input, as JSON.
const LARGEST_INPUT: usize = 64 * 1024;

/// The order to run a command of the product's bundle for an instance.
#[derive(Clone, Debug)]
pub struct Order {
    /// The job's; what it gives, or why it gives nothing, comes back with this id.
    pub job_id: JobId,
    /// One that the manifest of the instance's version lists.
    pub command: String,
    /// 1 to 120 bytes, which operators see: best the id of a row. While a job of the instance and command with this key
    /// is not finished, this order is that job, and its end comes back with that job's id.
    pub key: String,
    /// What the command reads from its standard input; at most 64 KiB as JSON, without U+0000.
    pub input: Value,
    /// At most [`RunCommand::MOST_OBJECTS`], which lie in the command's working folder when it begins.
    pub objects: Vec<InputObject>,
    /// 1 to 9, where 1 is begun first; 5 if there is none.
    pub priority: Option<u8>,
    /// It is not begun before.
    pub run_after: Option<DateTime<Utc>>,
}

impl Order {
    /// To run `command` without input.
    pub fn new(job_id: JobId, command: &str, key: impl Into<String>) -> Self {
        let (command, key) = (command.to_owned(), key.into());
        Self { job_id, command, key, input: Value::Null, objects: Vec::new(), priority: None, run_after: None }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.command.is_empty() || self.command.len() > 40 {
            return Some("a command's name has 1 to 40 bytes");
        }
        if !(1..=LONGEST_KEY).contains(&self.key.len()) || self.key.contains('\0') {
            return Some("a key has 1 to 120 bytes without U+0000");
        }
        if self.input.to_string().len() > LARGEST_INPUT || schema::nul(&self.input).is_some() {
            return Some("an input has at most 64 KiB without U+0000");
        }
        if self.objects.len() > RunCommand::MOST_OBJECTS {
            return Some("an order names at most 8 objects");
        }
        let names: BTreeSet<_> = self.objects.iter().map(|object| object.name.as_str()).collect();
        if names.len() < self.objects.len() {
            return Some("each object of an order has a name of its own");
        }
        if self.priority.is_some_and(|priority| !(1..=9).contains(&priority)) {
            return Some("a priority is 1 to 9");
        }
        None
    }
}

/// Jobs were not ordered.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The product asks for what cannot be; nothing was written.
    #[error("the order cannot be: {0}")]
    Unsound(&'static str),
    #[error("the order cannot be written")]
    Database(#[from] sqlx::Error),
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Database(error) => error.into(),
            unsound @ OrderError::Unsound(_) => Self::internal(&unsound),
        }
    }
}

impl Instance {
    /// Orders the jobs, 1 to [`MOST_ORDERS`], with the commit of `tx`, which is of this instance's database: both come
    /// to be, or neither. The jobs begin some moments after that.
    pub async fn order(&self, tx: &mut Transaction, orders: &[Order]) -> Result<(), OrderError> {
        if !tx.orders_for(self.database.orders()) {
            return Err(OrderError::Unsound("the transaction is in another instance's database"));
        }
        if !(1..=MOST_ORDERS).contains(&orders.len()) {
            return Err(OrderError::Unsound("1 to 1000 jobs are ordered at once"));
        }
        if let Some(fault) = orders.iter().find_map(Order::fault) {
            return Err(OrderError::Unsound(fault));
        }
        let traceparent = trace::current().map(|step| step.to_string());
        tx.has_orders();
        sqlx::query(ORDER)
            .bind(&*self.version)
            .bind(traceparent)
            .bind(each(orders, |order| order.job_id.0))
            .bind(each(orders, |order| order.command.clone()))
            .bind(each(orders, |order| order.key.clone()))
            .bind(each(orders, |order| Json(order.input.clone())))
            .bind(each(orders, |order| Json(order.objects.clone())))
            .bind(each(orders, |order| order.priority.map(i16::from)))
            .bind(each(orders, |order| order.run_after))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

fn each<T>(orders: &[Order], of: impl Fn(&Order) -> T) -> Vec<T> {
    orders.iter().map(of).collect()
}

/// The orders of an instance.
pub(crate) struct Orders;

impl Outbox for Orders {
    const ROWS: &'static str = "orders";
    const PUT_OFF: &'static str = "order_rows_put_off";
    /// A message each: ten batches of SNS, sent beside each other.
    const MOST: i64 = 100;
    const TAKE: &'static str = TAKE_ORDERS;
    const CONFIRM: &'static str = CONFIRM_ORDERS;

    fn woken(database: &Database) -> &Notify {
        database.orders()
    }

    fn batches(source: &Source, rows: &[PgRow]) -> sqlx::Result<Batches> {
        let mut batches = Batches::default();
        for row in rows {
            let id = row.try_get("id")?;
            match Row::from_row(row).map_err(|fault| Chain(&fault).to_string()).and_then(|row| row.envelope(source)) {
                Ok(envelope) => {
                    batches.messages.push((RunJob::TOPIC, envelope));
                    batches.rows.push(vec![id]);
                }
                Err(fault) => batches.refused.push((id, fault)),
            }
        }
        Ok(batches)
    }
}

#[derive(FromRow)]
struct Row {
    job_id: Uuid,
    bundle_version: String,
    command: String,
    key: String,
    input: Value,
    objects: Json<Vec<InputObject>>,
    priority: Option<i16>,
    run_after: Option<DateTime<Utc>>,
    traceparent: Option<String>,
    ordered_at: DateTime<Utc>,
    taken_at: DateTime<Utc>,
}

impl Row {
    /// Service, tenant and instance are those of the database that the row lies in, whatever it says.
    fn envelope(self, source: &Source) -> Result<Envelope, String> {
        let Source { instance, tenant, service } = source;
        let (time, job_id) = (said_at(self.ordered_at, self.taken_at), JobId(self.job_id));
        let unique_key = format!("{instance}:{}:{}", self.command, self.key);
        let command = RunCommand {
            service: service.clone(),
            bundle_version: self.bundle_version,
            command: self.command,
            input: self.input,
            objects: self.objects.0,
        };
        let order = RunJob {
            unique_key: Some(unique_key),
            priority: self.priority.and_then(|priority| priority.try_into().ok()),
            run_after: self.run_after,
            ..RunJob::of(job_id, *instance, &command).map_err(|fault| fault.to_string())?
        };
        let id = message_id(time, &job_id.to_string());
        let envelope = Envelope::new(id, time, service, Some(*tenant), &order).map_err(|fault| fault.to_string())?;
        let envelope = Envelope { traceparent: self.traceparent, ..envelope };
        schema::check_outgoing(&envelope).map_err(|misfit| misfit.to_string())?;
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::id::{InstanceId, TenantId};
    use serde_json::json;

    fn row() -> Row {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Row {
            job_id: Uuid::from_u128(7),
            bundle_version: "1.0.0".into(),
            command: "extract".into(),
            key: "file:1".into(),
            input: json!({"pages": 3}),
            objects: Json(Vec::new()),
            priority: Some(1),
            run_after: None,
            traceparent: None,
            ordered_at: at,
            taken_at: at,
        }
    }

    fn source() -> Source {
        Source { instance: InstanceId(Uuid::from_u128(2)), tenant: TenantId(Uuid::from_u128(1)), service: "pdf".into() }
    }

    #[test]
    fn a_row_is_an_order_of_its_own_product_tenant_and_instance() {
        let envelope = row().envelope(&source()).unwrap();
        assert_eq!((envelope.source.as_str(), envelope.tenant), ("/services/pdf", Some(source().tenant)));
        let order: RunJob = serde_json::from_value(envelope.data.clone()).unwrap();
        assert_eq!((order.instance_id, order.priority), (Some(source().instance), Some(1)));
        assert_eq!(order.payload["service"], "pdf");
        assert_eq!(order.unique_key.unwrap(), format!("{}:extract:file:1", source().instance));
        assert_eq!(row().envelope(&source()).unwrap().id, envelope.id, "sent again it is the same message");
    }

    #[test]
    fn what_cannot_be_is_refused_before_it_is_written() {
        let sound = Order::new(JobId(Uuid::from_u128(7)), "extract", "k");
        assert_eq!(sound.fault(), None);
        let unsound = [
            Order { command: String::new(), ..sound.clone() },
            Order { key: String::new(), ..sound.clone() },
            Order { key: "x".repeat(121), ..sound.clone() },
            Order { input: json!("x".repeat(65_536)), ..sound.clone() },
            Order { input: json!("\0"), ..sound.clone() },
            Order { priority: Some(10), ..sound.clone() },
        ];
        assert!(unsound.iter().all(|order| order.fault().is_some()));
    }
}
