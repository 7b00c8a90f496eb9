//! Registration of a service's list of permissions.

use super::{
    model::Plan,
    store::{self, Origin},
};
use crate::app::App;
use common::{
    db::CrossTenantTx,
    problem::{Problem, RETRY_AFTER_OUTAGE},
};
use contracts::manifest::PermissionList;

/// Makes `list` all there is in its namespace, over all tenants: none may hold what is removed. Every record made
/// before is invalid when this returns.
pub async fn replace(app: &App, mut tx: CrossTenantTx, list: &PermissionList) -> Result<(), Problem> {
    store::take_namespace(&mut tx, &list.namespace, Origin::Registered).await?;
    let known = store::of_namespace(&mut tx, &list.namespace).await?;
    let plan = Plan::replacing(&known, &list.permissions);
    store::apply(&mut tx, &app.ambient, &list.namespace, &plan).await?;
    let named = store::still_named(&mut tx, &plan.sudden, app.ambient.now()).await?;
    if !named.is_empty() {
        let detail = format!(
            "Granted or held by a role, so not to be removed before a list marked it as deprecated: {}.",
            named.join(", ")
        );
        return Err(Problem::conflict("permission_granted", detail));
    }
    tx.commit().await?;
    // Also what an earlier call left pending: it was answered 503, and this is its repetition.
    app.stamps.flush(None).await.map_err(|_| {
        Problem::unavailable(RETRY_AFTER_OUTAGE, "The list is stored, but not in force everywhere. Send it again.")
    })
}
