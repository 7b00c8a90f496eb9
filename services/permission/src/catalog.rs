//! Which permissions exist? Each service registers its own list; a product's comes with its manifest.

pub mod model;
pub mod routes;
pub mod store;

use crate::{app::App, stamps::Debts};
use common::{db::CrossTenantTx, problem::Problem};
use contracts::manifest::PermissionList;
use store::Origin;

/// Makes `list` all there is in its namespace, over all tenants: none may hold what is removed, and each is owed a stamp; every record made before counts no more when this returns.
pub async fn replace(app: &App, mut tx: CrossTenantTx, list: &PermissionList) -> Result<(), Problem> {
    let now = app.ambient.now();
    store::take_namespace(&mut tx, &list.namespace, Origin::Registered).await?;
    let known = store::of_namespace(&mut tx, &list.namespace).await?;
    let plan = model::Plan::replacing(&known, &list.permissions);
    store::apply(&mut tx, &app.ambient, &list.namespace, &plan).await?;
    let named = store::still_named(&mut tx, &plan.sudden, now).await?;
    if !named.is_empty() {
        let detail = format!(
            "Granted or held by a role, so not to be removed before a list marked it as deprecated: {}.",
            named.join(", ")
        );
        return Err(Problem::conflict("permission_granted", detail));
    }
    tx.commit().await?;
    // Also what an earlier call left owed: it was answered 503, and this is its repetition.
    app.stamps.pay(Debts::All).await.map_err(|_| {
        Problem::unavailable(
            common::problem::RETRY_AFTER_OUTAGE,
            "The list is stored, but not in force everywhere. Send it again.",
        )
    })
}
