//! Endpoints by which a tenant decides how its members have to log in.

use super::store::{self, AuthenticationPolicy};
use crate::{
    accounts::routes::signed_in,
    app::App,
    factors::{recent, store as factors},
};
use access::Allowed;
use audit::Entry;
use axum::extract::State;
use common::{
    http::{ETag, IfMatch, Json},
    problem::Problem,
};
use contracts::id::Principal;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

access::permissions! {
    pub ReadPolicy = "auth.readAuthenticationPolicy",
    pub WritePolicy = "auth.writeAuthenticationPolicy",
}

/// Body of `PUT /v1/authentication-policy`.
#[derive(Deserialize, ToSchema)]
pub struct PolicyBody {
    second_factor_required: bool,
}

#[utoipa::path(get, path = "/v1/authentication-policy", operation_id = "getAuthenticationPolicy",
    tag = "authentication policy",
    responses((status = 200, body = AuthenticationPolicy, headers(("ETag" = String))),
        (status = 404, description = "`tenant_not_found`")),
    security(("bearer" = ["auth.readAuthenticationPolicy"])))]
pub async fn show(
    State(app): State<App>,
    caller: Allowed<ReadPolicy>,
) -> Result<(ETag, Json<AuthenticationPolicy>), Problem> {
    let policy = store::find(&mut caller.begin(&app.db).await?).await?.ok_or_else(gone)?;
    Ok((ETag(policy.revision), Json(policy)))
}

#[utoipa::path(put, path = "/v1/authentication-policy", operation_id = "editAuthenticationPolicy",
    tag = "authentication policy", request_body = PolicyBody,
    params(("If-Match" = String, Header, description = "The `ETag` of the policy that was read, or `*`.")),
    responses((status = 200, body = AuthenticationPolicy, headers(("ETag" = String))),
        (status = 401, description = "`insufficient_user_authentication`: a person needs a recent second factor."),
        (status = 403, description = "`permission_missing`, `user_session_required`"),
        (status = 404, description = "`tenant_not_found`"),
        (status = 409, description = "`no_second_factor`: nobody demands of others what they do not have."),
        (status = 412, description = "`policy_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["auth.writeAuthenticationPolicy"])))]
pub async fn edit(
    State(app): State<App>,
    caller: Allowed<WritePolicy>,
    read: IfMatch,
    Json(PolicyBody { second_factor_required }): Json<PolicyBody>,
) -> Result<(ETag, Json<AuthenticationPolicy>), Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let policy = store::lock(&mut tx).await?.ok_or_else(gone)?;
    read.check(policy.revision, "policy_edited")?;
    // A machine has no factor, and cannot lock itself out.
    if let Principal::User(_) = caller.principal {
        let user = signed_in(&caller.claims, &caller.principal)?;
        let enrolled = factors::enrolled(&mut tx, user).await?.any();
        if second_factor_required && !enrolled {
            return Err(Problem::conflict("no_second_factor", "You have no second factor. Enrol one first."));
        }
        recent::demand(&caller.claims, enrolled, app.ambient.now())?;
    }
    store::write(&mut tx, second_factor_required).await?;
    let written = AuthenticationPolicy { second_factor_required, revision: policy.revision + 1 };
    let entry = Entry::new("authentication_policy.edited", format!("tenant:{}", caller.tenant));
    audit::note(&mut tx, entry.before(json!(policy)).after(json!(written)));
    tx.commit().await?;
    Ok((ETag(written.revision), Json(written)))
}

fn gone() -> Problem {
    Problem::not_found("tenant_not_found", "The tenant is not there any more.")
}
