//! What if nobody knows the VAT of an invoice: its cycle is parked, and is tried again as soon as what was missing is
//! there.

use crate::accounts::details_store;
use chrono::{DateTime, NaiveDate, Utc};
use common::{
    db::{CrossTenantTx, TenantTx},
    problem::Problem,
};

/// What is missing, and which revision of the account's details was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undetermined {
    #[error("the account has no billing details, by which its VAT is known")]
    DetailsMissing,
    #[error("no rate of VAT is known for the group {tax_group} in {country} on {on}")]
    RateMissing { country: String, tax_group: String, on: NaiveDate, revision: i32 },
}

impl Undetermined {
    /// Why a cycle is parked.
    pub fn reason(&self) -> String {
        match self {
            Self::DetailsMissing => "billing_details_missing".into(),
            Self::RateMissing { country, tax_group, .. } => rate_missing(country, tax_group),
        }
    }

    /// Whether what was missing has come since. If not, it stays missing until the transaction ends: whoever edits the
    /// account or enters rates waits for that, and then finds what it has parked.
    pub async fn is_over(&self, tx: &mut TenantTx) -> sqlx::Result<bool> {
        let revision = details_store::lock(tx).await?.unwrap_or(0);
        sqlx::query!("LOCK TABLE tax_rate IN SHARE MODE").execute(&mut **tx).await?;
        let Self::RateMissing { country, tax_group, on, revision: read } = self else { return Ok(revision != 0) };
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM tax_rate WHERE country = $1 AND tax_group = $2 AND valid_from <= $3
                 AND revoked_at IS NULL) AS "known!""#,
            country,
            tax_group,
            on
        );
        Ok(revision != *read || known.fetch_one(&mut **tx).await?)
    }
}

impl From<Undetermined> for Problem {
    fn from(undetermined: Undetermined) -> Self {
        Self::conflict("tax_undetermined", undetermined.to_string())
    }
}

fn rate_missing(country: &str, tax_group: &str) -> String {
    format!("tax_rate_missing:{country}:{tax_group}")
}

/// The tenant has other details: what waited for them is tried again.
pub async fn retry_of_tenant(tx: &mut TenantTx, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET due_at = $2, parked_reason = NULL WHERE tenant_id = $1 AND state = 'closing'
           AND (parked_reason = 'billing_details_missing' OR starts_with(parked_reason, 'tax_rate_missing:'))",
        tx.tenant().0,
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// There is another rate of the country and group: what waited for it is tried again.
pub async fn retry_by_rate(
    tx: &mut CrossTenantTx,
    country: &str,
    tax_group: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE cycle SET due_at = $2, parked_reason = NULL WHERE parked_reason = $1 AND state = 'closing'",
        rate_missing(country, tax_group),
        now
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}
