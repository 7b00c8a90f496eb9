//! SQL of the suppression list.

use chrono::{DateTime, Utc};
use common::{db::CrossTenantTx, page::PageRequest};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why an address is out of circulation.
#[derive(Clone, Copy, Debug, Serialize, ToSchema, sqlx::Type, strum::Display)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The recipient's server refused a mail for good.
    Bounce,
    /// The recipient called one spam.
    Complaint,
}

/// An address out of circulation for one tenant's mail of one kind.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suppression {
    pub id: Uuid,
    /// Whose mail it gets no more; absent for the platform's own, such as that of registrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Which kind of mail it gets no more.
    #[schema(example = "invitation")]
    pub template: String,
    pub address: String,
    pub reason: Reason,
    /// The mail that caused it.
    pub message_id: Uuid,
    pub created_at: DateTime<Utc>,
}

/// Takes the recipient of a mail out of circulation, for the mail's tenant and kind; the first reason stays.
pub async fn add(
    tx: &mut CrossTenantTx,
    id: Uuid,
    message_id: Uuid,
    reason: Reason,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO tenant_suppressions (id, tenant_id, template, address, reason, message_id, created_at)
         SELECT $1, tenant_id, template, lower(recipient), $3, id, $4 FROM mails WHERE id = $2
         ON CONFLICT ON CONSTRAINT tenant_suppressions_unique DO NOTHING",
        id,
        message_id,
        reason as Reason,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn list(tx: &mut CrossTenantTx, address: Option<&str>, page: PageRequest) -> sqlx::Result<Vec<Suppression>> {
    sqlx::query_as!(
        Suppression,
        r#"SELECT id, tenant_id, template, address, reason AS "reason: Reason", message_id, created_at
             FROM tenant_suppressions
            WHERE ($1::text IS NULL OR address = lower($1)) AND id > $2 ORDER BY id LIMIT $3"#,
        address,
        page.after,
        page.fetch()
    )
    .fetch_all(&mut **tx)
    .await
}

/// Whether the suppression was there to be lifted.
pub async fn remove(tx: &mut CrossTenantTx, id: Uuid) -> sqlx::Result<bool> {
    let removed = sqlx::query!("DELETE FROM tenant_suppressions WHERE id = $1", id).execute(&mut **tx).await?;
    Ok(removed.rows_affected() == 1)
}
