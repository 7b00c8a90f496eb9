//! HTTP of accounts: a tenant sees and edits its own.

use super::{
    details_store as store,
    model::{AccountBody, BillingAccount},
};
use crate::{
    app::App,
    cycles::closing::CLOSE,
    documents::{rendering::RENDER, store as documents},
    taxes::undetermined,
};
use access::Allowed;
use axum::extract::State;
use common::{
    db::Scoped,
    http::{ETag, IfMatch, Json},
    problem::Problem,
};

access::permissions! {
    pub ReadAccount = "billing.readAccount",
    pub EditAccount = "billing.editAccount",
}

#[utoipa::path(get, path = "/v1/account", operation_id = "getAccount", tag = "account",
    responses((status = 200, body = BillingAccount, headers(("ETag" = String))),
        (status = 404, description = "`account_not_found`")),
    security(("bearer" = ["billing.readAccount"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadAccount>,
) -> Result<(ETag, Json<BillingAccount>), Problem> {
    let account = store::find(&mut caller.begin(&app.db).await?).await?.ok_or_else(no_account)?;
    Ok((ETag(account.revision), Json(account)))
}

#[utoipa::path(put, path = "/v1/account", operation_id = "editAccount", tag = "account", request_body = AccountBody,
    params(("If-Match" = String, Header, description = "The `ETag` of the account that was read, or `*`.")),
    responses((status = 200, body = BillingAccount, headers(("ETag" = String))),
        (status = 404, description = "`account_not_found`"),
        (status = 412, description = "`account_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["billing.editAccount"])))]
pub async fn edit(
    State(app): State<App>,
    caller: Allowed<EditAccount>,
    read: IfMatch,
    Json(body): Json<AccountBody>,
) -> Result<(ETag, Json<BillingAccount>), Problem> {
    let edit = body.check()?;
    let mut tx = caller.begin(&app.db).await?;
    let revision = store::lock(&mut tx).await?.ok_or_else(no_account)?;
    read.check(revision, "account_edited")?;
    store::replace(&mut tx, &edit, &caller.principal.to_string(), app.ambient.now()).await?;
    let account = store::find(&mut tx).await?.ok_or_else(no_account)?;
    documents::retry(&mut tx, app.ambient.now()).await?;
    tx.wake(RENDER);
    undetermined::retry_of_tenant(&mut tx, app.ambient.now()).await?;
    tx.wake(CLOSE);
    tx.commit().await?;
    tracing::info!(tenant_id = %caller.tenant, revision = account.revision, "An account is edited");
    Ok((ETag(account.revision), Json(account)))
}

pub fn no_account() -> Problem {
    Problem::not_found("account_not_found", "The tenant has no account.")
}
