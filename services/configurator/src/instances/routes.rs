//! Endpoints of instances: what can a tenant ask and do?

use super::{
    creation, features,
    model::{self, InstanceState, Redo, Step},
    spec::{InstanceSpec, NewInstance},
    store::{self, Instance},
    transitions,
    view::{self, InstanceView, not_found},
};
use crate::{
    app::App,
    catalog,
    domains::{
        challenge::HostProof,
        proof::{self, Verdict},
    },
};
use access::{Allowed, permissions};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::TimeDelta;
use common::{
    db::TenantTx,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{Problem, Quota},
};
use contracts::id::InstanceId;
use idempotency::{Creating, Once};

permissions! {
    pub ReadInstances = "configurator.readInstances",
    pub WriteInstances = "configurator.writeInstances",
}

/// A person can have the same record looked up this often; name servers are not ours to burden.
const BETWEEN_CHECKS: TimeDelta = TimeDelta::seconds(10);

#[utoipa::path(post, path = "/v1/instances", operation_id = "createInstance", tag = "instances",
    request_body = NewInstance,
    responses((status = 202, body = InstanceView, headers(("Location" = String))),
        (status = 409,
        description = "`host_taken`: an instance lives on that host. `quota_exceeded`: the tenant has as many \
                       instances as it may have. `tenant_suspended`: the tenant is suspended.")),
    security(("bearer" = ["configurator.writeInstances"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WriteInstances>,
    Creating(Json(asked), mut once): Creating<Json<NewInstance>>,
) -> Result<Response, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let manifest = catalog::store::latest(&mut tx, &asked.service).await?;
    let spec = InstanceSpec::check(&asked, manifest.as_ref(), &app.domains).map_err(Problem::invalid)?;
    let instance = creation::create(&mut tx, &app, &caller.principal, &spec).await?;
    let id = instance.id;
    let instance = view::one(&mut tx, &app, instance).await?;
    let location = [(header::LOCATION, format!("/v1/instances/{id}"))];
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, location, Json(instance))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(get, path = "/v1/instances", operation_id = "listInstances", tag = "instances", params(PageQuery),
    responses((status = 200, body = Page<InstanceView>)), security(("bearer" = ["configurator.readInstances"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadInstances>,
    Query(page): Query<PageQuery>,
) -> Result<Page<InstanceView>, Problem> {
    let page = page.check()?;
    let mut tx = caller.begin(&app.db).await?;
    let instances = store::list(&mut tx, page).await?;
    Ok(Page::cut(view::many(&mut tx, &app, instances).await?, page, |instance| instance.id.0))
}

#[utoipa::path(get, path = "/v1/instances/{id}", operation_id = "getInstance", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 200, body = InstanceView),
        (status = 404, description = "`instance_not_found`")), security(("bearer" = ["configurator.readInstances"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadInstances>,
    Path(id): Path<InstanceId>,
) -> Result<Json<InstanceView>, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let instance = store::get(&mut tx, id).await?.ok_or_else(not_found)?;
    Ok(Json(view::one(&mut tx, &app, instance).await?))
}

#[utoipa::path(post, path = "/v1/instances/{id}/retry", operation_id = "retryInstance", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 202, body = InstanceView), (status = 409, description = "`nothing_failed`: no step of this \
        instance has failed."),
        (status = 404, description = "`instance_not_found`")),
    security(("bearer" = ["configurator.writeInstances"])))]
pub async fn retry(
    State(app): State<App>,
    caller: Allowed<WriteInstances>,
    Path(id): Path<InstanceId>,
    mut once: Once,
) -> Result<Response, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let instance = store::lock(&mut tx, id).await?.ok_or_else(not_found)?;
    let redo = model::redo(instance.state).filter(|_| instance.reason.is_some());
    match redo.ok_or_else(|| Problem::conflict("nothing_failed", "No step of this instance has failed."))? {
        Redo::Provision => store::advance(&mut tx, id, instance.state, None, app.ambient.now()).await?,
        Redo::Job => {
            transitions::enter(&mut tx, &instance, instance.state).await?;
        }
    }
    let instance = reread(&mut tx, &app, id).await?;
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(instance))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/instances/{id}", operation_id = "cancelInstance", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 202, body = InstanceView), (status = 409, description = "`instance_active`: the instance is \
        in use."),
        (status = 404, description = "`instance_not_found`")),
    security(("bearer" = ["configurator.writeInstances"])))]
pub async fn cancel(
    State(app): State<App>,
    caller: Allowed<WriteInstances>,
    Path(id): Path<InstanceId>,
) -> Result<(StatusCode, Json<InstanceView>), Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let instance = store::lock(&mut tx, id).await?.ok_or_else(not_found)?;
    match model::after(instance.state, Step::Cancel) {
        Some(state) => store::advance(&mut tx, id, state, None, app.ambient.now()).await?,
        // Whoever was not sure that the first answer arrived asks again.
        None if instance.state == InstanceState::Deleting => {}
        None => {
            return Err(Problem::conflict(
                "instance_active",
                "The instance is in use. Only one that was never active can be cancelled.",
            ));
        }
    }
    let view = reread(&mut tx, &app, id).await?;
    tx.commit().await?;
    // The loop of changes announces it, too; here it is told before the caller can act on the answer.
    app.announcer.announce(&instance.host).await;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

#[utoipa::path(post, path = "/v1/instances/{id}/verify-host", operation_id = "verifyHost", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 202, body = InstanceView),
        (status = 409, description = "`host_not_proved`: the DNS record is not there. `host_taken`: an instance lives \
                                      on that host. `not_awaiting_proof`: nothing is to be proved."),
        (status = 429, description = "`too_many_requests`: the record was looked up just now."),
        (status = 404, description = "`instance_not_found`")),
    extensions(("x-no-idempotency-key" = json!("It looks a DNS record up, which every repetition may do anew."))),
    security(("bearer" = ["configurator.writeInstances"])))]
pub async fn verify_host(
    State(app): State<App>,
    caller: Allowed<WriteInstances>,
    Path(id): Path<InstanceId>,
) -> Result<(StatusCode, Json<InstanceView>), Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let instance = store::lock(&mut tx, id).await?.ok_or_else(not_found)?;
    let proof = proof::awaited(&instance).ok_or_else(|| {
        Problem::conflict(
            "not_awaiting_proof",
            "There is nothing to prove: this instance does not wait for a proof of its host.",
        )
    })?;
    let now = app.ambient.now();
    if let Some(wait) =
        instance.proof_checked_at.map(|last| last + BETWEEN_CHECKS - now).filter(|wait| *wait > TimeDelta::zero())
    {
        return Err(checked_just_now(wait));
    }
    store::note_proof_check(&mut tx, id, now).await?;
    let scope = tx.scope();
    tx.commit().await?;
    match proof::verify(&app.resolver, &scope, id, &proof).await? {
        Verdict::Proved | Verdict::Over => {}
        Verdict::Missing => return Err(missing(&proof)),
        Verdict::Taken => return Err(creation::taken()),
    }
    let mut tx = scope.begin().await?;
    Ok((StatusCode::ACCEPTED, Json(reread(&mut tx, &app, id).await?)))
}

fn checked_just_now(wait: TimeDelta) -> Problem {
    let seconds = u32::try_from(wait.num_seconds() + 1).unwrap_or(1);
    let window = u32::try_from(BETWEEN_CHECKS.num_seconds()).unwrap_or(1);
    let quota = Quota { limit: 1, window, remaining: 0, reset: seconds };
    Problem::too_many_requests("too_many_requests", "The record was looked up just now.", quota)
}

fn missing(proof: &HostProof) -> Problem {
    let detail = format!(
        "DNS has no TXT record {} with the instance's value yet. Changes of DNS can take hours to be seen.",
        proof.record_name
    );
    Problem::conflict("host_not_proved", detail)
}

#[utoipa::path(delete, path = "/v1/instances/{id}/modules/{module}", operation_id = "removeModule", tag = "instances",
    params(("id" = InstanceId, Path), ("module" = String, Path)),
    responses((status = 200, body = InstanceView),
        (status = 409, description = "`not_active`: the instance is not active. `module_needed`: another enabled \
                                      module depends on this one."),
        (status = 404, description = "`instance_not_found`, `module_not_enabled`")),
    security(("bearer" = ["configurator.writeInstances"])))]
pub async fn remove_module(
    State(app): State<App>,
    caller: Allowed<WriteInstances>,
    Path((id, module)): Path<(InstanceId, String)>,
) -> Result<Json<InstanceView>, Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let instance = store::lock(&mut tx, id).await?.ok_or_else(not_found)?;
    check_removal(&mut tx, &instance, &module).await?;
    let removed_at = store::remove_module(&mut tx, id, &module, app.ambient.now()).await?;
    features::disabled(&mut tx, &instance, &module, removed_at).await?;
    let view = reread(&mut tx, &app, id).await?;
    tx.commit().await?;
    // The loop of changes announces it, too; here it is told before the caller can act on the answer.
    app.announcer.announce(&instance.host).await;
    Ok(Json(view))
}

async fn check_removal(tx: &mut TenantTx, instance: &Instance, module: &str) -> Result<(), Problem> {
    let manifest = catalog::store::version(tx, &instance.service, &instance.version).await?.ok_or_else(not_found)?;
    let present = store::modules(tx, &[instance.id.0]).await?;
    let present: Vec<_> =
        present.iter().filter(|present| present.removed_at.is_none()).map(|present| present.module.as_str()).collect();
    if !present.contains(&module) {
        return Err(Problem::not_found("module_not_enabled", "This module is not enabled."));
    }
    if instance.state != InstanceState::Active {
        return Err(Problem::conflict("not_active", "Modules can be removed once the instance is active."));
    }
    let needs_it = |other: &&contracts::manifest::Module| {
        present.contains(&other.name.as_str()) && other.depends_on.iter().any(|needed| needed == module)
    };
    match manifest.modules.iter().find(needs_it) {
        Some(other) => Err(Problem::conflict(
            "module_needed",
            format!("The module {} depends on this one. Remove that first.", other.name),
        )),
        None => Ok(()),
    }
}

async fn reread(tx: &mut TenantTx, app: &App, id: InstanceId) -> Result<InstanceView, Problem> {
    let instance = store::get(tx, id).await?.ok_or_else(not_found)?;
    view::one(tx, app, instance).await
}
