//! An instance as its tenant sees it.

use super::{
    model::{self, InstanceState},
    setup,
    store::{self, Instance, InstanceModule},
};
use crate::{
    app::App,
    domains::{challenge::HostProof, proof},
    hosts,
    secrets::Purpose,
    suspension::{self, Suspension},
};
use chrono::{DateTime, Utc};
use common::{db::TenantTx, problem::Problem};
use contracts::id::InstanceId;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// One tenant's copy of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstanceView {
    pub id: InstanceId,
    pub service: String,
    pub version: String,
    pub host: String,
    /// Where a browser finds it.
    #[schema(format = "uri", example = "https://acme.forum.example.com/")]
    pub url: String,
    pub state: InstanceState,
    pub state_since: DateTime<Utc>,
    /// Why the step under way failed or does not end; it can be retried or cancelled. Absent while all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the instance is deleted unless it has gone on by then; only while it waits for people, or has a `reason`.
    /// Of a tenant that is suspended, not before 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The DNS record that proves that the host is the tenant's; only while `awaiting_proof`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_proof: Option<HostProof>,
    pub modules: Vec<ModuleView>,
    /// Modules that were removed, with the instant at which they stopped being billed.
    pub removed_modules: Vec<RemovedModule>,
    /// In groups of four, as people read it; case, spaces and dashes do not matter. Proves on the host's setup form
    /// that the tenant itself fills it in; only while `awaiting_setup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_code: Option<String>,
    /// What the setup form was filled in with.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModuleView {
    #[schema(example = "polls")]
    pub name: String,
    /// Billed from this instant on; absent until the instance is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RemovedModule {
    #[schema(example = "polls")]
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
    pub removed_at: DateTime<Utc>,
}

/// Completes one instance with its modules and setup code.
pub async fn one(tx: &mut TenantTx, app: &App, instance: Instance) -> Result<InstanceView, Problem> {
    let mut views = many(tx, app, vec![instance]).await?;
    views.pop().ok_or_else(not_found)
}

/// Completes instances with their modules and setup codes.
pub async fn many(tx: &mut TenantTx, app: &App, instances: Vec<Instance>) -> Result<Vec<InstanceView>, Problem> {
    let ids: Vec<Uuid> = instances.iter().map(|instance| instance.id.0).collect();
    let modules = store::modules(tx, &ids).await?;
    let codes = hosts::store::setup_codes(tx, &ids).await?;
    let suspension = suspension::store::get(tx).await?;
    let view = |instance: Instance| {
        let id = instance.id;
        let sealed = codes.iter().find(|code| code.instance_id == id && instance.state == InstanceState::AwaitingSetup);
        let code = sealed.map(|code| app.sealer.open(id, Purpose::SetupCode, &code.setup_code)).transpose()?;
        Ok(view(
            instance,
            modules.iter().filter(|module| module.instance_id == id),
            code.map(|code| setup::in_groups(code.expose_secret())),
            suspension.as_ref(),
            app,
        ))
    };
    instances.into_iter().map(view).collect()
}

/// What other tenants' instances look like, too.
pub fn not_found() -> Problem {
    Problem::not_found("instance_not_found", "There is no such instance.")
}

fn view<'a>(
    instance: Instance,
    modules: impl Iterator<Item = &'a InstanceModule>,
    setup_code: Option<String>,
    suspension: Option<&Suspension>,
    app: &App,
) -> InstanceView {
    let (mut present, mut removed) = (Vec::new(), Vec::new());
    for module in modules {
        let (name, enabled_at) = (module.module.clone(), module.enabled_at);
        match module.removed_at {
            None => present.push(ModuleView { name, enabled_at }),
            Some(removed_at) => removed.push(RemovedModule { name, enabled_at, removed_at }),
        }
    }
    let expires =
        model::is_unfinished(instance.state) && (model::waits_for_people(instance.state) || instance.reason.is_some());
    let suspended_since = suspension.and_then(|suspension| suspension.since);
    let state = model::shown(instance.state, suspended_since.is_some());
    let suspended_since = suspended_since.filter(|_| state == InstanceState::Suspended);
    InstanceView {
        id: instance.id,
        expires_at: expires.then(|| suspension::expires_at(suspension, instance.state_since, app.expiry)),
        host_proof: proof::awaited(&instance),
        url: app.addresses.of(&instance.service, &instance.host),
        service: instance.service,
        version: instance.version,
        host: instance.host,
        state,
        state_since: suspended_since.map_or(instance.state_since, |since| since.max(instance.state_since)),
        reason: instance.reason,
        modules: present,
        removed_modules: removed,
        setup_code,
        settings: instance.settings.0,
        created_at: instance.created_at,
    }
}
