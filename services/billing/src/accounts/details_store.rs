//! SQL of what a tenant sees and edits of its account.

use super::{
    country::Country,
    details::Details,
    model::{BillingAccount, Edit},
    vat_id::VatId,
};
use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::db::TenantTx;

/// The account as its tenant sees it, whether its details are there or not.
pub async fn find(tx: &mut TenantTx) -> sqlx::Result<Option<BillingAccount>> {
    let found = sqlx::query!(
        r#"SELECT a.name, a.email, a.currency AS "currency: Currency", a.time_zone, a.anchor_day, c.end_at,
             coalesce(d.revision, 0) AS "revision!", d.updated_at AS "updated_at?", d.updated_by AS "updated_by?"
           FROM account a JOIN cycle c ON c.tenant_id = a.tenant_id AND c.state = 'open'
             LEFT JOIN account_details d ON d.tenant_id = a.tenant_id
           WHERE a.tenant_id = $1"#,
        tx.tenant().0
    );
    let Some(row) = found.fetch_optional(&mut **tx).await? else { return Ok(None) };
    Ok(Some(BillingAccount {
        tenant_id: tx.tenant(),
        name: row.name,
        email: row.email,
        currency: row.currency,
        time_zone: row.time_zone,
        anchor_day: row.anchor_day,
        next_cycle_at: row.end_at,
        details: details(tx).await?,
        revision: row.revision,
        updated_at: row.updated_at,
        updated_by: row.updated_by,
    }))
}

async fn details(tx: &mut TenantTx) -> sqlx::Result<Option<Details>> {
    let details = sqlx::query_as!(
        Details,
        r#"SELECT legal_name, address_lines, postcode, city, country AS "country: Country", vat_id AS "vat_id: VatId",
             email, order_reference
           FROM account_details WHERE tenant_id = $1"#,
        tx.tenant().0
    );
    details.fetch_optional(&mut **tx).await
}

/// The revision of the account, which nobody else edits until the transaction ends.
pub async fn lock(tx: &mut TenantTx) -> sqlx::Result<Option<i32>> {
    let locked = sqlx::query!("SELECT tenant_id FROM account WHERE tenant_id = $1 FOR NO KEY UPDATE", tx.tenant().0);
    if locked.fetch_optional(&mut **tx).await?.is_none() {
        return Ok(None);
    }
    // A statement of its own: it must see what was edited while that one waited.
    let revision = sqlx::query_scalar!("SELECT revision FROM account_details WHERE tenant_id = $1", tx.tenant().0);
    Ok(Some(revision.fetch_optional(&mut **tx).await?.unwrap_or(0)))
}

/// Replaces what was there. The open cycle keeps its planned end; the next one has the new calendar.
pub async fn replace(tx: &mut TenantTx, edit: &Edit, by: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE account SET time_zone = $2, anchor_day = $3 WHERE tenant_id = $1",
        tx.tenant().0,
        edit.time_zone.name(),
        edit.anchor_day.number()
    )
    .execute(&mut **tx)
    .await?;
    let details = &edit.details;
    sqlx::query!(
        "INSERT INTO account_details (tenant_id, legal_name, address_lines, postcode, city, country, vat_id, email,
           order_reference, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant_id) DO UPDATE SET revision = account_details.revision + 1,
           legal_name = excluded.legal_name, address_lines = excluded.address_lines, postcode = excluded.postcode,
           city = excluded.city, country = excluded.country, vat_id = excluded.vat_id, email = excluded.email,
           order_reference = excluded.order_reference, updated_at = excluded.updated_at,
           updated_by = excluded.updated_by",
        tx.tenant().0,
        details.legal_name,
        &details.address_lines,
        details.postcode,
        details.city,
        details.country.code(),
        details.vat_id.as_ref().map(VatId::as_str),
        details.email,
        details.order_reference,
        at,
        by
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
