//! SQL of the raw rows that lines are made of.

use super::model::Input;
use crate::pricing::billable_seconds;
use common::db::TenantTx;
use contracts::id::InstanceId;
use futures_util::{StreamExt, stream::BoxStream};
use uuid::Uuid;

/// Those of a feature's line, in the order of their ids.
pub fn intervals(tx: &mut TenantTx, line: Uuid, minimum_seconds: u32) -> BoxStream<'_, sqlx::Result<Input>> {
    sqlx::query!(
        "SELECT i.id, i.instance_id, i.feature, i.host, i.begin_at, p.from_at, p.until_at
         FROM invoice_line_interval p JOIN usage_interval i ON i.id = p.interval_id AND i.tenant_id = p.tenant_id
         WHERE p.tenant_id = $1 AND p.line_id = $2 ORDER BY i.id, abs(extract(epoch FROM p.from_at - i.begin_at))",
        tx.tenant().0,
        line,
    )
    .map(move |row| Input::Interval {
        id: row.id,
        instance_id: InstanceId(row.instance_id),
        feature: row.feature,
        host: row.host,
        since: row.begin_at,
        from: row.from_at,
        until: row.until_at,
        seconds: billable_seconds(row.begin_at, row.from_at, row.until_at, minimum_seconds),
    })
    .fetch(&mut **tx)
    .boxed()
}

/// The parts of a meter's line, with whose they are, in the order of their ids.
pub async fn parts(tx: &mut TenantTx, line: Uuid) -> sqlx::Result<Vec<(Uuid, InstanceId)>> {
    let parts = sqlx::query!(
        "SELECT id, instance_id FROM usage_part WHERE tenant_id = $1 AND line_id = $2 ORDER BY id",
        tx.tenant().0,
        line
    );
    Ok(parts.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.id, InstanceId(row.instance_id))).collect())
}

/// The events of a part, in the order of their ids.
pub fn events(tx: &mut TenantTx, part: Uuid) -> BoxStream<'_, sqlx::Result<Input>> {
    sqlx::query!(
        "SELECT e.id, e.instance_id, e.meter, e.key, e.quantity, e.occurred_at, e.received_at
         FROM usage_part p JOIN usage_event e ON e.tenant_id = p.tenant_id AND e.id BETWEEN p.first_id AND p.last_id
           AND e.instance_id = p.instance_id AND e.meter = p.meter AND e.seq <@ p.seqs AND e.occurred_at <@ p.times
         WHERE p.tenant_id = $1 AND p.id = $2 ORDER BY e.id",
        tx.tenant().0,
        part,
    )
    .map(|row| Input::Event {
        id: row.id,
        instance_id: InstanceId(row.instance_id),
        meter: row.meter,
        key: row.key,
        quantity: row.quantity,
        occurred_at: row.occurred_at,
        received_at: row.received_at,
    })
    .fetch(&mut **tx)
    .boxed()
}
