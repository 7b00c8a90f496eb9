//! HTTP of the audit: who changed what, from where, and whether the record of it is whole.

use crate::{app::App, effective};
use access::{Allowed, permissions};
use audit::{
    AuditEntry, AuditFilter, NO_TENANT, Verdict,
    verification::{VERIFIED_AT_ONCE, VerificationQuery, verify as verify_chain},
};
use axum::extract::State;
use common::{
    db::TenantTx,
    http::{Json, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::messages::TenantKind;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

permissions! { pub ReadAudit = "permission.readAudit" }

/// Whose changes: the tenant's, or the registry's, which the API calls the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The caller's tenant's.
    #[default]
    Tenant,
    /// The registry's, which all tenants share; only in the platform's own tenant.
    #[serde(rename = "catalog")]
    Registry,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Chain {
    /// `tenant` (default), or `catalog` for those of the permissions that all tenants share; only in the platform's own
    /// tenant.
    #[param(value_type = Option<String>)]
    #[serde(default)]
    pub of: Of,
}

#[utoipa::path(get, path = "/v1/audit", operation_id = "listAudit", tag = "audit",
    params(PageQuery, AuditFilter, Chain),
    responses((status = 200, body = Page<AuditEntry>),
        (status = 403, description = "`permission_missing`, or `platform_only`")),
    security(("bearer" = ["permission.readAudit"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadAudit>,
    Query(page): Query<PageQuery>,
    Query(filter): Query<AuditFilter>,
    Query(chain): Query<Chain>,
) -> Result<Page<AuditEntry>, Problem> {
    let request = page.check()?;
    audit::reading::page(&mut begin(&app, &caller, chain.of).await?, &filter, request).await
}

#[utoipa::path(get, path = "/v1/audit/verification", operation_id = "verifyAudit", tag = "audit", params(Chain, VerificationQuery),
    responses((status = 200, body = Verdict), (status = 403, description = "`permission_missing`, or `platform_only`")),
    security(("bearer" = ["permission.readAudit"])))]
pub async fn verify(
    State(app): State<App>,
    caller: Allowed<ReadAudit>,
    Query(chain): Query<Chain>,
    Query(from): Query<VerificationQuery>,
) -> Result<Json<Verdict>, Problem> {
    let mut tx = begin(&app, &caller, chain.of).await?;
    Ok(Json(verify_chain(&mut tx, from.after.into(), VERIFIED_AT_ONCE).await?.into()))
}

/// A transaction for reading the chain: the tenant's own, or the registry's, which is the nil tenant's.
#[expect(clippy::disallowed_methods, reason = "the registry is the platform's, whose tenant the caller acts in")]
async fn begin(app: &App, caller: &Allowed<ReadAudit>, of: Of) -> Result<TenantTx, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    if of == Of::Tenant {
        return Ok(tx);
    }
    match effective::store::kind(&mut tx).await? {
        TenantKind::Platform => {
            drop(tx);
            Ok(app.db.begin(NO_TENANT).await?)
        }
        TenantKind::Customer => Err(Problem::forbidden(
            "platform_only",
            "Changes of the registered permissions are seen in the platform's own tenant.",
        )),
    }
}
