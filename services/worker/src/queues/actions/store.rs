//! SQL of what operators did to queues and outboxes.

use super::{Act, Action};
use chrono::{DateTime, Utc};
use common::{
    db::{Background, CrossTenantTx, Db},
    page::PageRequest,
    poller::Poller,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who asks what happened to a message a year ago finds it.
const KEPT_DAYS: i32 = 366;
const PRUNE: Duration = Duration::from_secs(3600);
/// Rows a statement, so that none holds locks for long.
const PRUNED: i64 = 1000;

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Ended {
    Done,
    Failed,
}

/// Something that an operator did to a queue or an outbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueAction {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
    pub action: Action,
    /// A queue, or `outbox/<service>`.
    #[schema(example = "billing")]
    pub queue: String,
    /// SQS's ids of the dead letters that were asked for, or the id of the parked message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub letters: Vec<String>,
    /// The cause that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// JSON pointers to what an edit changed in the data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Absent while it goes on, and for ever if the process died over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Ended>,
    /// Ids of the messages that it was done to; SQS's ids of those that are not understood.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

pub(super) async fn begin(tx: &mut CrossTenantTx, id: Uuid, act: &Act, principal: &str) -> sqlx::Result<()> {
    let Act { action, queue, letters, fingerprint, places } = act;
    let begun = sqlx::query!(
        "INSERT INTO queue_actions (id, principal, action, queue, letters, fingerprint, places)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        principal,
        *action as Action,
        queue,
        letters,
        fingerprint.as_deref(),
        places
    );
    begun.execute(&mut **tx).await.map(drop)
}

pub(super) async fn end(tx: &mut CrossTenantTx, id: Uuid, ended: Ended, messages: &[String]) -> sqlx::Result<()> {
    let ended = sqlx::query!(
        "UPDATE queue_actions SET outcome = $2, messages = $3, ended_at = now() WHERE id = $1",
        id,
        ended as Ended,
        messages
    );
    ended.execute(&mut **tx).await.map(drop)
}

/// Which actions are asked for; nothing means all.
#[derive(Debug, Default)]
pub struct Wanted {
    pub queue: Option<String>,
    pub principal: Option<String>,
    /// Done to the message, or the dead letter, of this id.
    pub message: Option<String>,
    pub since: Option<DateTime<Utc>>,
}

pub(super) async fn page(
    tx: &mut CrossTenantTx,
    wanted: &Wanted,
    request: PageRequest,
) -> sqlx::Result<Vec<QueueAction>> {
    sqlx::query_as!(
        QueueAction,
        r#"SELECT id, at, principal, action AS "action: Action", queue, letters, fingerprint, places,
                  outcome AS "outcome: Ended", messages, ended_at
             FROM queue_actions
            WHERE ($1::text IS NULL OR queue = $1) AND ($2::text IS NULL OR principal = $2)
              AND ($3::text IS NULL OR $3 = ANY (messages) OR $3 = ANY (letters))
              AND ($4::timestamptz IS NULL OR at >= $4) AND id > $5
            ORDER BY id LIMIT $6"#,
        wanted.queue.as_deref(),
        wanted.principal.as_deref(),
        wanted.message.as_deref(),
        wanted.since,
        request.after,
        request.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// Forgets what was done more than a year ago, until `shutdown`.
pub(crate) async fn prune(db: Db, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(PRUNE, shutdown);
    while poller.next().await {
        let pass = async {
            let mut tx = background.begin_across_tenants(&db).await?;
            let pruned = sqlx::query!(
                "DELETE FROM queue_actions WHERE id = ANY (ARRAY(
                     SELECT id FROM queue_actions WHERE at < now() - make_interval(days => $1) LIMIT $2))",
                KEPT_DAYS,
                PRUNED
            );
            let pruned = pruned.execute(&mut *tx).await?.rows_affected();
            tx.commit().await.map(|()| pruned == PRUNED.unsigned_abs())
        };
        poller.report(pass.await, "What operators did a year ago waits for the database to be forgotten");
    }
}
