//! Endpoints of the audit: who changed what, from where, and is the record of it whole? What is written down of each
//! change is in the `entries` of its feature.

use crate::{accounts::store as accounts, app::App};
use access::{Allowed, permissions};
use audit::{
    AuditEntry, AuditFilter, NO_TENANT, Verdict,
    reading::page,
    verification::{VERIFIED_AT_ONCE, VerificationQuery, verify as verify_chain},
};
use axum::extract::State;
use common::{
    db::TenantTx,
    http::{Json, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

permissions! { pub ReadAudit = "auth.readAudit" }

/// Whose changes: the tenant's, or the platform's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityOf {
    /// The caller's tenant's.
    #[default]
    Tenant,
    /// Those of people and of the platform's keys, which are no tenant's; only in the platform's own tenant.
    Platform,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IdentityChain {
    /// `tenant` (default), or `platform` for people and signing keys, which are no tenant's; only in the platform's own
    /// tenant.
    #[param(value_type = Option<String>)]
    #[serde(default)]
    pub of: IdentityOf,
}

#[utoipa::path(get, path = "/v1/identity-audit", operation_id = "listIdentityAudit", tag = "audit",
    params(PageQuery, AuditFilter, IdentityChain),
    responses((status = 200, body = Page<AuditEntry>),
        (status = 403, description = "`permission_missing`, or `platform_only`")),
    security(("bearer" = ["auth.readAudit"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadAudit>,
    Query(query): Query<PageQuery>,
    Query(filter): Query<AuditFilter>,
    Query(chain): Query<IdentityChain>,
) -> Result<Page<AuditEntry>, Problem> {
    let request = query.check()?;
    page(&mut begin(&app, &caller, chain.of).await?, &filter, request).await
}

#[utoipa::path(get, path = "/v1/identity-audit/verification", operation_id = "verifyIdentityAudit", tag = "audit",
    params(IdentityChain, VerificationQuery),
    responses((status = 200, body = Verdict),
        (status = 403, description = "`permission_missing`, or `platform_only`")),
    security(("bearer" = ["auth.readAudit"])))]
pub async fn verify(
    State(app): State<App>,
    caller: Allowed<ReadAudit>,
    Query(chain): Query<IdentityChain>,
    Query(from): Query<VerificationQuery>,
) -> Result<Json<Verdict>, Problem> {
    let mut tx = begin(&app, &caller, chain.of).await?;
    Ok(Json(verify_chain(&mut tx, from.after.into(), VERIFIED_AT_ONCE).await?.into()))
}

/// A transaction for reading the chain: the tenant's own, or the platform's, which is the nil tenant's.
#[expect(clippy::disallowed_methods, reason = "the chain is the platform's, whose tenant the caller acts in")]
async fn begin(app: &App, caller: &Allowed<ReadAudit>, of: IdentityOf) -> Result<TenantTx, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    if of == IdentityOf::Tenant {
        return Ok(tx);
    }
    if !accounts::is_platform(&mut tx).await? {
        let detail = "Changes of people and signing keys are seen in the platform's own tenant.";
        return Err(Problem::forbidden("platform_only", detail));
    }
    drop(tx);
    Ok(app.db.begin(NO_TENANT).await?)
}
