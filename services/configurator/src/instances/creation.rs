//! Creation of an instance with its secrets, if the tenant is not suspended and its quota has room for it.

use super::{
    setup,
    spec::InstanceSpec,
    store::{self, Creation, Instance},
    view::not_found,
};
use crate::{app::App, domains::policy::Standing, hosts, secrets::Purpose, suspension};
use common::db::TenantTx;
use common::problem::{Problem, constraint};
use contracts::id::{InstanceId, Principal};

pub async fn create(
    tx: &mut TenantTx,
    app: &App,
    by: &Principal,
    spec: &InstanceSpec<'_>,
) -> Result<Instance, Problem> {
    suspension::refuse(tx).await?;
    if store::count_locked(tx).await? >= app.most_instances {
        let detail = format!(
            "A tenant has at most {} instances. Cancel one that is not needed, or ask for more.",
            app.most_instances
        );
        return Err(Problem::conflict("quota_exceeded", detail));
    }
    let id = InstanceId(app.ambient.uuid());
    let proof = (spec.standing == Standing::ToBeProved).then(|| app.ambient.token());
    let creation = Creation { id, by, now: app.ambient.now(), proof_token: proof.as_deref() };
    store::insert(tx, &creation, spec).await.map_err(host_taken)?;
    let seal = |purpose, secret: String| app.sealer.seal(&app.ambient, id, purpose, &secret);
    let owner = seal(Purpose::OwnerPassword, app.ambient.token());
    let product = seal(Purpose::AppPassword, app.ambient.token());
    let code = seal(Purpose::SetupCode, setup::code(app.ambient.bytes()));
    hosts::store::insert_secrets(tx, id, &owner, &product, &code).await?;
    store::get(tx, id).await?.ok_or_else(not_found)
}

pub fn host_taken(error: sqlx::Error) -> Problem {
    match constraint(&error) {
        Some("instances_host") => taken(),
        _ => error.into(),
    }
}

pub fn taken() -> Problem {
    Problem::conflict("host_taken", "An instance lives on that host already.")
}
