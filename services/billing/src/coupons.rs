//! Coupons: whoever knows the code of one may have its discount, once a tenant.

pub mod routes;
pub mod store;

use crate::discounts::Terms;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Coupon {
    pub id: Uuid,
    #[schema(example = "SPRING-2027")]
    pub code: String,
    #[serde(flatten)]
    pub terms: Terms,
    /// Until then it is redeemed; absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeem_until: Option<DateTime<Utc>>,
    /// By so many tenants; absent if by any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_redemptions: Option<i32>,
    pub redemptions: i32,
    pub created_at: DateTime<Utc>,
    #[serde(skip)]
    pub created_by: String,
}
