//! HTTP of coupons: operators make them, tenants redeem them.

use super::{Coupon, store};
use crate::{
    app::App,
    currency::Currency,
    discounts::{self, Discount, Terms},
};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    limit::Limit,
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
    source::Source,
};
use idempotency::Creating;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

access::permissions! {
    pub WriteCoupons = platform "billing.writeCoupons",
    pub RedeemCoupons = "billing.redeemCoupons",
}

/// Of one tenant from one network: so no codes are guessed.
const REDEMPTIONS: Limit = Limit { name: "coupon-redemptions", most: 20, window: Duration::from_secs(3600) };
const SHORTEST_CODE: usize = 8;
const LONGEST_CODE: usize = 40;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCoupon {
    /// 8 to 40 capital letters, digits and hyphens.
    #[schema(min_length = 8, max_length = 40, example = "SPRING-2027")]
    code: String,
    /// On the tenants' invoices.
    #[schema(min_length = 1, max_length = 120, example = "Partner, first year")]
    title: String,
    /// Only of what this service costs; of everything, if absent.
    #[schema(example = "forum")]
    service: Option<String>,
    /// Above 0, at most 100, with at most four decimal places. Either this or `amount_minor`.
    #[schema(value_type = Option<String>, format = "decimal", example = "10")]
    percent: Option<Decimal>,
    /// At most so much a cycle, in the currency's minor unit (ISO 4217).
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: Option<i64>,
    /// Of `amount_minor`, with which it comes.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 3)]
    currency: Option<Currency>,
    /// Only of so many cycles, that in which it is redeemed among them.
    #[schema(minimum = 1, maximum = 1200, example = 12)]
    cycles: Option<i32>,
    /// Until then it is redeemed; without an end, if absent.
    redeem_until: Option<DateTime<Utc>>,
    /// By so many tenants; by any number, if absent.
    #[schema(minimum = 1)]
    most_redemptions: Option<i32>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    /// In any case.
    #[schema(max_length = 40, example = "SPRING-2027")]
    code: String,
}

#[utoipa::path(get, path = "/v1/coupons", operation_id = "listCoupons", tag = "discounts", params(PageQuery),
    responses((status = 200, body = Page<Coupon>)), security(("bearer" = ["billing.writeCoupons"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<WriteCoupons>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Coupon>, Problem> {
    let page = query.check()?;
    let coupons = store::page(&mut *caller.begin_across_tenants(&app.db).await?, page).await?;
    Ok(Page::cut(coupons, page, |coupon| coupon.id))
}

#[utoipa::path(get, path = "/v1/coupons/{id}", operation_id = "getCoupon", tag = "discounts",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Coupon), (status = 404, description = "`coupon_not_found`")),
    security(("bearer" = ["billing.writeCoupons"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<WriteCoupons>,
    Path(id): Path<Uuid>,
) -> Result<Json<Coupon>, Problem> {
    let found = store::find(&mut *caller.begin_across_tenants(&app.db).await?, id).await?;
    Ok(Json(found.ok_or_else(no_coupon)?))
}

#[utoipa::path(post, path = "/v1/coupons", operation_id = "createCoupon", tag = "discounts", request_body = NewCoupon,
    responses((status = 201, body = Coupon, headers(("Location" = String))), (status = 409, description = "`coupon_taken`: there is one of this code.")),
    security(("bearer" = ["billing.writeCoupons"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WriteCoupons>,
    Creating(Json(body), mut once): Creating<Json<NewCoupon>>,
) -> Result<Response, Problem> {
    let now = app.ambient.now();
    let terms = body.terms();
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let mut errors = discounts::routes::faults(&mut tx, &terms).await?;
    errors.extend(body.faults(now));
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let coupon = Coupon {
        id: app.ambient.uuid(),
        code: body.code,
        terms,
        redeem_until: body.redeem_until,
        most_redemptions: body.most_redemptions,
        redemptions: 0,
        created_at: now,
        created_by: caller.principal.to_string(),
    };
    if !store::insert(&mut tx, &coupon).await? {
        return Err(Problem::conflict("coupon_taken", "There is a coupon of this code."));
    }
    let at = [(header::LOCATION, format!("/v1/coupons/{}", coupon.id))];
    let answer = once.remember(tx.narrow(caller.tenant).await?, (StatusCode::CREATED, at, Json(coupon))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/coupons/{id}", operation_id = "endCoupon", tag = "discounts",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "Nobody redeems it any more; who has, keeps the discount."),
        (status = 404, description = "`coupon_not_found`")),
    security(("bearer" = ["billing.writeCoupons"])))]
pub async fn end(
    State(app): State<App>,
    caller: Allowed<WriteCoupons>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if !store::end(&mut tx, id, app.ambient.now()).await? {
        return Err(no_coupon());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/coupon-redemptions", operation_id = "redeemCoupon", tag = "discounts",
    request_body = Redemption,
    responses((status = 201, body = Discount, headers(("Location" = String))),
        (status = 404, description = "`coupon_not_found`: there is none of this code, it is too late, or others have \
                                      had it often enough. `account_not_found`"),
        (status = 409, description = "`coupon_redeemed`: the tenant has had it. \
                                      `too_many_discounts`: the tenant has 20 that run."),
        (status = 429, description = "`too_many_requests`")),
    security(("bearer" = ["billing.redeemCoupons"])))]
pub async fn redeem(
    State(app): State<App>,
    caller: Allowed<RedeemCoupons>,
    source: Source,
    Creating(Json(body), mut once): Creating<Json<Redemption>>,
) -> Result<Response, Problem> {
    app.limiter.admit_for(&REDEMPTIONS, source, &caller.tenant.to_string()).await?;
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let now = discounts::routes::hold(&mut tx, &app).await?;
    let coupon = store::redeem(&mut tx, &body.code.to_ascii_uppercase(), now).await?.ok_or_else(no_coupon)?;
    discounts::routes::admit(&mut tx, &coupon.terms, now).await?;
    let discount = Discount {
        id: app.ambient.uuid(),
        terms: coupon.terms,
        begin_at: now,
        end_at: None,
        coupon_id: Some(coupon.id),
        granted_by: caller.principal.to_string(),
    };
    if !discounts::store::insert(&mut tx, &discount).await? {
        return Err(Problem::conflict("coupon_redeemed", "The tenant has had this coupon's discount."));
    }
    let at = [(header::LOCATION, format!("/v1/discounts/{}", discount.id))];
    let answer = once.remember(&mut tx, (StatusCode::CREATED, at, Json(discount))).await?;
    tx.commit().await?;
    Ok(answer)
}

impl NewCoupon {
    fn terms(&self) -> Terms {
        let Self { title, service, percent, amount_minor, currency, cycles, .. } = self;
        Terms {
            title: title.clone(),
            service: service.clone(),
            percent: *percent,
            amount_minor: *amount_minor,
            currency: currency.clone(),
            cycles: *cycles,
        }
    }

    fn faults(&self, now: DateTime<Utc>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let sound = (SHORTEST_CODE..=LONGEST_CODE).contains(&self.code.len())
            && self.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
        if !sound {
            let text = "must be 8 to 40 capital letters, digits and hyphens";
            errors.push(FieldError::new("code", "malformed", text));
        }
        if self.redeem_until.is_some_and(|end| end <= now) {
            errors.push(FieldError::new("redeem_until", "past", "must be in the future"));
        }
        if self.most_redemptions.is_some_and(|most| most < 1) {
            errors.push(FieldError::new("most_redemptions", "out_of_range", "must be at least 1"));
        }
        errors
    }
}

fn no_coupon() -> Problem {
    Problem::not_found("coupon_not_found", "There is no such coupon, or nobody redeems it any more.")
}
