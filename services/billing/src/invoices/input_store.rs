//! SQL of the raw rows that lines are made of.

use super::model::Input;
use crate::pricing::billable_seconds;
use common::db::TenantTx;
use contracts::id::InstanceId;
use futures_util::{StreamExt, stream::BoxStream};
use uuid::Uuid;

/// Those of a feature's line, in the order of their ids.
pub fn intervals(tx: &mut TenantTx, line: Uuid) -> BoxStream<'_, sqlx::Result<Input>> {
    sqlx::query!(
        "SELECT i.id, i.instance_id, i.feature, i.host, i.begin_at, p.from_at, p.until_at, p.minimum_seconds
         FROM invoice_line_interval p JOIN usage_interval i ON i.id = p.interval_id AND i.tenant_id = p.tenant_id
         WHERE p.tenant_id = $1 AND p.line_id = $2
         ORDER BY i.id, CASE WHEN p.until_at < p.from_at THEN p.from_at END DESC, p.from_at",
        tx.tenant().0,
        line,
    )
    .map(|row| Input::Interval {
        id: row.id,
        instance_id: InstanceId(row.instance_id),
        feature: row.feature,
        host: row.host,
        since: row.begin_at,
        from: row.from_at,
        until: row.until_at,
        seconds: billable_seconds(row.begin_at, row.from_at, row.until_at, row.minimum_seconds.cast_unsigned()),
    })
    .fetch(&mut **tx)
    .boxed()
}

/// A part of a meter's line.
pub struct PartOfLine {
    pub id: Uuid,
    pub instance_id: InstanceId,
    pub first_id: Uuid,
    pub last_id: Uuid,
}

/// Those of a line, in the order of their ids.
pub async fn parts(tx: &mut TenantTx, line: Uuid) -> sqlx::Result<Vec<PartOfLine>> {
    let parts = sqlx::query_as!(
        PartOfLine,
        "SELECT id, instance_id, first_id, last_id FROM usage_part WHERE tenant_id = $1 AND line_id = $2 ORDER BY id",
        tx.tenant().0,
        line
    );
    parts.fetch_all(&mut **tx).await
}

/// The events of a line's parts, each with its part, in the order of their ids.
pub fn events<'a>(
    tx: &'a mut TenantTx,
    line: Uuid,
    parts: &[PartOfLine],
) -> BoxStream<'a, sqlx::Result<(Uuid, Input)>> {
    sqlx::query!(
        "SELECT p.id AS part_id, e.id, e.instance_id, e.meter, e.key, e.quantity, e.occurred_at, e.received_at
         FROM usage_event e JOIN usage_part p ON p.tenant_id = e.tenant_id AND p.line_id = $2
           AND e.instance_id = p.instance_id AND e.meter = p.meter AND e.seq <@ p.seqs AND e.occurred_at <@ p.times
         WHERE e.tenant_id = $1 AND e.id BETWEEN $3 AND $4 ORDER BY e.id",
        tx.tenant().0,
        line,
        parts.iter().map(|part| part.first_id).min(),
        parts.iter().map(|part| part.last_id).max(),
    )
    .map(|row| {
        let event = Input::Event {
            id: row.id,
            instance_id: InstanceId(row.instance_id),
            meter: row.meter,
            key: row.key,
            quantity: row.quantity,
            occurred_at: row.occurred_at,
            received_at: row.received_at,
        };
        (row.part_id, event)
    })
    .fetch(&mut **tx)
    .boxed()
}
