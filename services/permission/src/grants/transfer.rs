//! Transfer of ownership: in one change somebody else owns the tenant, and the caller no more.

use super::{
    WriteGrants,
    changes::{MustStay, own, refuse_gain},
    grantee::Grantee,
    store,
};
use crate::{
    change::{Begun, Change, Writer, Written, written},
    effective::model::{Effect, Grant, Held},
};
use axum::{http::StatusCode, response::Response};
use common::{
    http::Json,
    problem::{FieldError, Problem},
};
use contracts::id::Principal;
use idempotency::Creating;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

const OWNER: &str = "owner";

#[derive(Deserialize, ToSchema)]
pub struct OwnershipTransfer {
    /// Who owns the tenant from now on: a person who belongs to it.
    #[schema(value_type = String, example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    principal: Principal,
}

#[derive(Serialize, ToSchema)]
pub struct Transferred {
    #[schema(value_type = String, example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    owner: Principal,
}

#[utoipa::path(post, path = "/v1/ownership-transfers", operation_id = "transferOwnership", tag = "grants",
    request_body = OwnershipTransfer,
    responses((status = 200, body = Written<Transferred>, headers(("X-Version" = i64))),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`, `not_an_owner`: \
                                      the caller does not own the tenant by a grant of their own, without an end."),
        (status = 409, description = "`last_owner`: something is denied to the other, so the tenant would have nobody \
                                      who may do everything."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it.")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn transfer(
    writer: Writer<WriteGrants>,
    Creating(Json(request), mut once): Creating<Json<OwnershipTransfer>>,
) -> Result<Response, Problem> {
    let owner = request.principal;
    let mut change = match writer.begin_once([&owner], &mut once).await? {
        Begun::New(change) => change,
        Begun::Before(answer) => return Ok(answer),
    };
    hand_over(&mut change, &owner).await?;
    let answer = written(StatusCode::OK, change.version(), Transferred { owner });
    let answer = once.remember(change.tx(), answer).await?;
    change.commit_in_force().await?;
    Ok(answer)
}

async fn hand_over(change: &mut Change, to: &Principal) -> Result<(), Problem> {
    let (from, now) = (change.actor.clone(), change.now());
    if !matches!(to, Principal::User(_)) || *to == from {
        return Err(FieldError::new("principal", "not_another_person", "must be another person").into());
    }
    change.refuse_unknown(to).await?;
    let gain = Grant { held: Held::Owner, effect: Effect::Allow, expires_at: None, source: None };
    refuse_gain(&own(change).await?, &[gain], None, now)?;
    let must_stay = MustStay::before(change).await?;
    let given_up = store::for_good(change.tx(), &from, OWNER).await?.ok_or_else(not_an_owner)?;
    store::revoke(change.tx(), given_up.id, &from, now).await?;
    change.record("grant.revoked", &format!("grant:{}", given_up.id), Some(json!(given_up)), None).await?;
    let id = change.new_id();
    if let Some(grant) = store::insert_built_in(change.tx(), id, to, OWNER, &from, now).await? {
        change.record("grant.created", &format!("grant:{}", grant.id), None, Some(json!(grant))).await?;
    }
    for principal in [from, to.clone()] {
        change.invalidate(&Grantee::Principal(principal)).await?;
    }
    must_stay.check(change).await
}

fn not_an_owner() -> Problem {
    let detail = "You do not own the tenant by a grant of your own that never expires, so you cannot hand it over.";
    Problem::forbidden("not_an_owner", detail)
}
