//! Removal of who leaves: all that they were granted or denied themselves ends, and their memberships in groups, in one
//! change.

use super::{learning::learn, store};
use crate::{
    app::App,
    audit::store as audit_store,
    change::Change,
    grants::{self, changes::MustStay, grantee::Grantee},
    groups, stamps,
};
use access::{Internal, callers};
use audit::Entry;
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, http::Json, problem::Problem};
use contracts::{http::authority::RemovalRequest, id::Principal};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

callers! { pub Auth = ["auth"] }

#[utoipa::path(post, path = "/internal/removals", operation_id = "removePrincipal", tag = "internal",
    request_body = RemovalRequest,
    responses((status = 204), (status = 409, description = "`last_owner`, `last_operator`: nobody would be left."),
        (status = 503, description = "`revoke_unconfirmed`: it is stored, but caches may not know it. Repeat the \
                                      request until it answers 204.")),
    security(("platform_client" = ["auth"])))]
pub async fn remove(
    State(app): State<App>,
    _: Internal<Auth>,
    Json(request): Json<RemovalRequest>,
) -> Result<StatusCode, Problem> {
    let RemovalRequest { tenant_id: tenant, principal, id, by } = request;
    let unasked = learn(&app, tenant, &BTreeSet::new()).await?;
    let mut change = Change::open(&app, tenant, by, unasked).await?;
    let must_stay = MustStay::before(&mut change).await?;
    let (by, now) = (change.actor.clone(), change.now());
    if let Some(before) = end(change.tx(), &principal, id, (&by, now)).await? {
        change.record("principal.removed", &principal.to_string(), Some(before), None).await?;
        must_stay.check(&mut change).await?;
    }
    // Also if they have left already: this may be the repetition of a call that was answered 503.
    change.invalidate(&Grantee::Principal(principal)).await?;
    change.commit_in_force().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// As [`remove`], for a machine that auth has said to be no more: its tokens are refused already.
pub async fn of_machine(tx: &mut TenantTx, app: &App, principal: &Principal, id: Uuid) -> sqlx::Result<()> {
    let auth = Principal::Client("auth".into());
    store::lock_tenant(tx).await?;
    let Some(before) = end(tx, principal, id, (&auth, app.ambient.now())).await? else { return Ok(()) };
    audit_store::append_of_auth(tx, Entry::new("principal.removed", principal).before(before)).await?;
    stamps::store::invalidate(tx, principal).await?;
    stamps::leave_to_background(tx);
    Ok(())
}

/// What they had, for the record; `None` if they had left before.
async fn end(
    tx: &mut TenantTx,
    principal: &Principal,
    id: Uuid,
    (by, now): (&Principal, DateTime<Utc>),
) -> sqlx::Result<Option<Value>> {
    if !store::leave(tx, principal, id, now).await? {
        return Ok(None);
    }
    let grants = grants::store::revoke_all(tx, &Grantee::Principal(principal.clone()), by, now).await?;
    let groups = groups::store::remove(tx, None, principal, by, now).await?;
    Ok(Some(json!({"principal": principal, "grants": grants, "groups": groups})))
}
