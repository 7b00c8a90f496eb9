//! Endpoints for product services and the worker: what can they ask? Of any instance, whoever its tenant is.

use super::{
    lookup::{self, no_host},
    setup, store,
};
use crate::{
    app::App,
    catalog,
    instances::{
        self,
        model::{self, InstanceState},
        view::not_found,
    },
    provisioning::server::Names,
    secrets::Purpose,
    suspension,
};
use access::{Internal, callers};
use axum::{extract::State, http::StatusCode};
use common::{
    db::TenantTx,
    http::{Json, Path},
    problem::Problem,
    source::Source,
};
use contracts::{
    http::instances::{Credentials, HostRecord, SetupSubmission},
    id::InstanceId,
    roster,
};
use serde::Serialize;
use utoipa::ToSchema;

callers! { pub Products = ["*"] }

/// Seconds after which a state that passes by itself may have passed.
const PASSING: u32 = 2;
/// Seconds after which a person may have retried a failed step.
const FAILED: u32 = 30;

#[derive(Serialize, ToSchema)]
pub struct SetupTaken {
    pub state: InstanceState,
}

#[utoipa::path(get, path = "/internal/hosts/{host}", operation_id = "getHost", tag = "hosts",
    params(("host" = String, Path)),
    responses((status = 200, body = HostRecord),
        (status = 404, description = "`host_unknown`")), security(("platform_client" = ["*"])))]
pub async fn get(
    State(app): State<App>,
    caller: Internal<Products>,
    Path(host): Path<String>,
) -> Result<Json<HostRecord>, Problem> {
    let (mut tx, instance) = lookup::on_host(&app.db, &caller.client_id, &host).await?;
    let id = instance.id;
    let manifest = catalog::store::version(&mut tx, &instance.service, &instance.version).await?.ok_or_else(no_host)?;
    let modules = instances::store::modules(&mut tx, &[id.0]).await?;
    let suspended_since = suspension::store::get(&mut tx).await?.and_then(|suspension| suspension.since);
    let database_url = match suspended_since {
        None if model::is_migrated(instance.state) => Some(app_url(&mut tx, &app, id).await?),
        _ => None,
    };
    Ok(Json(HostRecord {
        instance_id: id,
        tenant_id: instance.tenant_id,
        state: instance.state,
        modules: modules.into_iter().filter(|module| module.removed_at.is_none()).map(|module| module.module).collect(),
        setup_schema: manifest.setup,
        generation: instance.generation,
        database_url,
        suspended_since,
        retry_after: model::redo(instance.state).map(|_| if instance.reason.is_some() { FAILED } else { PASSING }),
        service: instance.service,
        version: instance.version,
        settings: instance.settings.0,
    }))
}

#[utoipa::path(post, path = "/internal/hosts/{host}/setup", operation_id = "submitSetup", tag = "hosts",
    params(("host" = String, Path)),
    request_body = SetupSubmission,
    responses((status = 202, body = SetupTaken), (status = 409, description = "`not_awaiting_setup`: the form was \
        taken already, or is not due yet. `tenant_suspended`: the tenant is suspended."),
        (status = 429, description = "`too_many_requests`: wrong codes came from that source too often. The right one \
                                      is always taken."),
        (status = 404, description = "`host_unknown`")),
    security(("platform_client" = ["*"])))]
pub async fn set_up(
    State(app): State<App>,
    caller: Internal<Products>,
    product: Source,
    Path(host): Path<String>,
    Json(form): Json<SetupSubmission>,
) -> Result<(StatusCode, Json<SetupTaken>), Problem> {
    let source = form.source.map_or(product, Source::from);
    let state = setup::submit(&app, &caller.client_id, &host, form, source).await?;
    Ok((StatusCode::ACCEPTED, Json(SetupTaken { state })))
}

#[utoipa::path(get, path = "/internal/instances/{id}/credentials", operation_id = "getInstanceCredentials",
    tag = "hosts",
    params(("id" = InstanceId, Path)),
    responses((status = 200, body = Credentials), (status = 409, description = "`no_database`: the instance has no \
        database yet."),
        (status = 404, description = "`instance_not_found`")),
    security(("platform_client" = ["*"])))]
pub async fn credentials(
    State(app): State<App>,
    worker: Internal<Products>,
    Path(id): Path<InstanceId>,
) -> Result<Json<Credentials>, Problem> {
    let product = roster::product_of_worker(&worker.client_id);
    let found = lookup::of_id(&app.db, id).await?.filter(|(_, instance)| Some(&*instance.service) == product);
    let (mut tx, instance) =
        found.filter(|(_, instance)| instance.state != InstanceState::Deleting).ok_or_else(not_found)?;
    if !model::has_database(instance.state) {
        return Err(Problem::conflict("no_database", "The instance has no database yet."));
    }
    let sealed = store::passwords(&mut tx, id).await?.ok_or_else(not_found)?;
    let password = app.sealer.open(id, Purpose::OwnerPassword, &sealed.owner_password)?;
    let names = Names::from(id);
    Ok(Json(Credentials {
        database_url: app.instance_server.url(&names.owner, &password, &names.database),
        app_database_url: Some(app_url(&mut tx, &app, id).await?),
        app_role: names.app,
        tenant_id: Some(instance.tenant_id),
        service: Some(instance.service),
    }))
}

async fn app_url(tx: &mut TenantTx, app: &App, id: InstanceId) -> Result<String, Problem> {
    let sealed = store::passwords(tx, id).await?.ok_or_else(no_host)?;
    let password = app.sealer.open(id, Purpose::AppPassword, &sealed.app_password)?;
    let names = Names::from(id);
    Ok(app.instance_server.url(&names.app, &password, &names.database))
}
