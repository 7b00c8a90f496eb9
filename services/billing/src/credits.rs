//! Credits: money that a tenant has with us, which pays its invoices. A ledger: what is left of a credit is its amount
//! less what invoices took.

pub mod routes;
pub mod store;

use crate::currency::Currency;
use chrono::{DateTime, Utc};
use common::ambient::Ambient;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Credit {
    pub id: Uuid,
    /// On the tenant's invoices.
    #[schema(example = "For the outage of October")]
    pub title: String,
    /// In the currency's minor unit (ISO 4217).
    pub amount_minor: i64,
    /// What no invoice has taken yet.
    pub balance_minor: i64,
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// It pays for cycles that end no later; absent if it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// From then on no invoice takes anything of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    pub granted_at: DateTime<Utc>,
    /// Who has granted it; none where an invoice left it.
    #[serde(skip)]
    pub granted_by: Option<String>,
}

impl Credit {
    /// What an invoice of less than nothing leaves.
    pub fn carried(ambient: &Ambient, currency: &Currency, amount_minor: i64) -> Self {
        Self {
            id: ambient.uuid(),
            title: "Carried forward".into(),
            amount_minor,
            balance_minor: amount_minor,
            currency: currency.clone(),
            expires_at: None,
            revoked_at: None,
            granted_at: ambient.now(),
            granted_by: None,
        }
    }
}
