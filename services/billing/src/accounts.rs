//! Accounts: who is billed, in which currency and when, and where the invoices go.
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | what does a tenant see and edit of its account? |
//! | [`model`], [`details`] | how is it billed, and who is an invoice made out to? |
//! | [`country`], [`vat_id`] | which codes and identifiers are there? |
//! | [`store`] | which account has a tenant, for all that is computed? |

pub mod country;
pub mod details;
pub mod details_store;
pub mod model;
pub mod routes;
pub mod store;
pub mod vat_id;

use crate::{calendar::Schedule, currency::Currency};

/// One tenant, as billing knows it.
#[derive(Clone, Debug)]
pub struct Account {
    pub currency: Currency,
    /// When its cycles end.
    pub schedule: Schedule,
}
