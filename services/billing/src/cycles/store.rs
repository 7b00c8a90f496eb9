//! SQL of cycles. Each account has exactly one open cycle; the next begins where it ends.

use crate::{
    accounts::{self, Account},
    calendar::Span,
    currency::Currency,
    usage::window::Window,
};
use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    page::PageRequest,
};
use contracts::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CycleState {
    Open,
    /// It is over, usage that comes now is late, and its invoice is being made.
    Closing,
    Closed,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cycle {
    pub id: Uuid,
    pub tenant_id: TenantId,
    #[schema(example = "Acme")]
    pub tenant_name: String,
    pub state: CycleState,
    pub start_at: DateTime<Utc>,
    /// Planned, while it is open.
    pub end_at: DateTime<Utc>,
    /// When it is taken up, or was last to be: absent once it is closed, and while somebody has to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// Why its invoice cannot be made; to close it once more tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "too_large")]
    pub parked_reason: Option<String>,
    /// Absent until it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Uuid>,
    /// When its invoice was last proved from the raw rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<DateTime<Utc>>,
    /// What that found wrong; absent where all is as it should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["total_differs"]))]
    pub proof_faults: Vec<String>,
}

/// A cycle that a closer has taken up.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub state: CycleState,
    pub end_at: DateTime<Utc>,
    pub currency: Currency,
    time_zone: String,
    anchor_day: i16,
}

impl Taken {
    /// Whose it is. What cannot be read of one account keeps nobody from those of others.
    pub fn account(&self) -> sqlx::Result<Account> {
        accounts::store::account(self.currency.clone(), &self.time_zone, self.anchor_day)
    }
}

/// A cycle with a planned end; closers take it up when it is due.
pub async fn open(tx: &mut TenantTx, id: Uuid, span: Span, due_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO cycle (id, tenant_id, state, start_at, end_at, due_at) VALUES ($1, $2, 'open', $3, $4, $5)",
        id,
        tx.tenant().0,
        span.from,
        span.until,
        due_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Has the cycle closed as soon as it can be: one that is open ends now, one that is parked is tried again.
pub async fn end_now(tx: &mut CrossTenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<()> {
    // The clock that began the cycle may have been another machine's, a little ahead of ours.
    sqlx::query!(
        "UPDATE cycle SET end_at = CASE state WHEN 'open' THEN least(end_at, greatest(start_at, $2)) ELSE end_at END,
           due_at = CASE WHEN state = 'open' OR parked_reason IS NOT NULL THEN $2 ELSE due_at END, parked_reason = NULL
         WHERE id = $1 AND state <> 'closed'",
        id,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The cycle that has been due for longest and that nobody else has; nobody else takes it up until the transaction ends.
/// One whose tenant has an earlier one that is not closed yet waits for that.
pub async fn take(tx: &mut CrossTenantTx, now: DateTime<Utc>) -> sqlx::Result<Option<Taken>> {
    let taken = sqlx::query_as!(
        Taken,
        r#"SELECT c.id, c.tenant_id, c.state AS "state: CycleState", c.end_at, a.currency AS "currency: Currency",
             a.time_zone, a.anchor_day
           FROM cycle c JOIN account a ON a.tenant_id = c.tenant_id
           WHERE c.due_at <= $1 AND (c.state = 'open' OR NOT EXISTS (
             SELECT FROM cycle e WHERE e.tenant_id = c.tenant_id AND e.state = 'closing' AND e.cut_seq < c.cut_seq))
           ORDER BY c.due_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED"#,
        now
    );
    taken.fetch_optional(&mut **tx).await
}

/// Nobody else takes it up until the transaction ends. Before the tenant's usage is held alone, as by whoever has taken it
/// up.
pub async fn hold(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM cycle WHERE id = $1 AND tenant_id = $2 FOR UPDATE", id, tx.tenant().0)
        .fetch_optional(&mut **tx)
        .await
        .map(drop)
}

/// Whoever holds the tenant's usage alone cuts it here: what is numbered from now on is late for the cycle. The next one
/// begins. Changes nothing if it is cut already.
pub async fn cut(
    tx: &mut TenantTx,
    id: Uuid,
    next_id: Uuid,
    next: Span,
    next_due_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH cut AS (UPDATE cycle SET state = 'closing', cut_seq = nextval('usage_seq')
           WHERE id = $1 AND tenant_id = $2 AND state = 'open' RETURNING tenant_id)
         INSERT INTO cycle (id, tenant_id, state, start_at, end_at, due_at)
         SELECT $3, tenant_id, 'open', $4, $5, $6 FROM cut",
        id,
        tx.tenant().0,
        next_id,
        next.from,
        next.until,
        next_due_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The tenant's open cycle, which nobody cuts until the transaction ends.
pub async fn hold_open(tx: &mut TenantTx) -> sqlx::Result<Option<Span>> {
    match lock_open(tx).await? {
        // It was cut while we waited for it; the next one is there now.
        None => lock_open(tx).await,
        open => Ok(open),
    }
}

async fn lock_open(tx: &mut TenantTx) -> sqlx::Result<Option<Span>> {
    let open = sqlx::query!(
        "SELECT start_at, end_at FROM cycle WHERE tenant_id = $1 AND state = 'open' FOR UPDATE",
        tx.tenant().0
    );
    Ok(open.fetch_optional(&mut **tx).await?.map(|row| Span { from: row.start_at, until: row.end_at }))
}

/// What the cycle takes, and the cycles before it in their order. `None` unless it is closing, and all before it are
/// closed.
pub async fn window(tx: &mut TenantTx, id: Uuid) -> sqlx::Result<Option<(Window, Vec<Span>)>> {
    let cycles = sqlx::query!(
        r#"SELECT id, state AS "state: CycleState", start_at, end_at, cut_seq AS "cut_seq!" FROM cycle
           WHERE tenant_id = $1 AND cut_seq <= (SELECT cut_seq FROM cycle WHERE id = $2) ORDER BY cut_seq"#,
        tx.tenant().0,
        id
    );
    let mut cycles = cycles.fetch_all(&mut **tx).await?;
    let closed = |state| state == CycleState::Closed;
    let Some(own) = cycles.pop().filter(|own| own.id == id && !closed(own.state)) else { return Ok(None) };
    if !cycles.iter().all(|earlier| closed(earlier.state)) {
        return Ok(None);
    }
    let after_seq = cycles.last().map_or(0, |last| last.cut_seq);
    let window = Window { cycle: Span { from: own.start_at, until: own.end_at }, after_seq, until_seq: own.cut_seq };
    let earlier = cycles.iter().map(|cycle| Span { from: cycle.start_at, until: cycle.end_at });
    Ok(Some((window, earlier.collect())))
}

/// What the open cycle would take if it were cut now, and the cycles before it in their order; whether each of those has
/// its invoice.
pub async fn running(tx: &mut TenantTx) -> sqlx::Result<Option<(Window, Vec<Span>, bool)>> {
    let cycles = sqlx::query!(
        r#"SELECT state AS "state: CycleState", start_at, end_at, cut_seq FROM cycle WHERE tenant_id = $1
           ORDER BY cut_seq NULLS LAST"#,
        tx.tenant().0
    );
    let mut cycles = cycles.fetch_all(&mut **tx).await?;
    let Some(own) = cycles.pop().filter(|own| own.state == CycleState::Open) else { return Ok(None) };
    let invoiced = cycles.iter().all(|earlier| earlier.state == CycleState::Closed);
    let after_seq = cycles.last().and_then(|last| last.cut_seq).unwrap_or(0);
    let window = Window { cycle: Span { from: own.start_at, until: own.end_at }, after_seq, until_seq: i64::MAX };
    let earlier = cycles.iter().map(|cycle| Span { from: cycle.start_at, until: cycle.end_at });
    Ok(Some((window, earlier.collect(), invoiced)))
}

/// Closes the cycle, if nobody else has; the tenant's next one, which waited for this, is due now.
pub async fn close(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let changed = sqlx::query_scalar!(
        "UPDATE cycle SET state = CASE id WHEN $1 THEN 'closed' ELSE state END,
           due_at = CASE id WHEN $1 THEN NULL ELSE $3::timestamptz END,
           proof_due_at = CASE id WHEN $1 THEN $3::timestamptz END
         WHERE tenant_id = $2 AND state = 'closing' AND parked_reason IS NULL RETURNING id",
        id,
        tx.tenant().0,
        now
    );
    Ok(changed.fetch_all(&mut **tx).await?.contains(&id))
}

/// Others that are due go first.
pub async fn defer(tx: &mut TenantTx, id: Uuid, due_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET due_at = $3 WHERE id = $1 AND tenant_id = $2 AND due_at IS NOT NULL",
        id,
        tx.tenant().0,
        due_at
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Nobody takes it up until somebody has looked.
pub async fn park(tx: &mut TenantTx, id: Uuid, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET parked_reason = $3, due_at = NULL WHERE id = $1 AND tenant_id = $2 AND state = 'closing'",
        id,
        tx.tenant().0,
        reason
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How many wait for somebody to look, and how many ended before `since` and have no invoice.
pub async fn troubled(tx: &mut CrossTenantTx, since: DateTime<Utc>) -> sqlx::Result<(i64, i64)> {
    let counts = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM cycle WHERE parked_reason IS NOT NULL) AS "parked!",
             (SELECT count(*) FROM cycle WHERE state <> 'closed' AND end_at < $1) AS "overdue!""#,
        since
    );
    let counts = counts.fetch_one(&mut **tx).await?;
    Ok((counts.parked, counts.overdue))
}

/// The columns of a [`Cycle`].
macro_rules! cycles {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Cycle,
            r#"SELECT c.id, c.tenant_id, a.name AS tenant_name, c.state AS "state: CycleState", c.start_at, c.end_at,
                 c.due_at, c.parked_reason, i.id AS "invoice_id?", c.proved_at, c.proof_faults
               FROM cycle c JOIN account a ON a.tenant_id = c.tenant_id
                 LEFT JOIN invoice i ON i.cycle_id = c.id AND i.tenant_id = c.tenant_id WHERE "# + $rest,
            $($argument),+
        )
    };
}

pub async fn find(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<Option<Cycle>> {
    cycles!("c.id = $1", id).fetch_optional(&mut **tx).await
}

/// Cycles of one tenant or of all, in one state or in any.
pub async fn page(
    tx: &mut CrossTenantTx,
    tenant: Option<TenantId>,
    state: Option<CycleState>,
    page: PageRequest,
) -> sqlx::Result<Vec<Cycle>> {
    let cycles = cycles!(
        "($1::uuid IS NULL OR c.tenant_id = $1) AND ($2::text IS NULL OR c.state = $2) AND c.id > $3
           ORDER BY c.id LIMIT $4",
        tenant.map(|tenant| tenant.0),
        state as Option<CycleState>,
        page.after,
        page.fetch()
    );
    cycles.fetch_all(&mut **tx).await
}
