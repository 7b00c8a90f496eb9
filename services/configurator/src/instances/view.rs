//! What does a tenant see of an instance?

use super::{
    model::State,
    store::{self, Instance, InstanceModule},
};
use crate::{app::App, hosts, secrets::Purpose};
use chrono::{DateTime, Utc};
use common::problem::Problem;
use contracts::id::InstanceId;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

/// One tenant's copy of a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstanceView {
    pub id: InstanceId,
    pub service: String,
    pub version: String,
    pub host: String,
    pub state: State,
    pub state_since: DateTime<Utc>,
    /// Why the step under way failed; it can be retried. Null while nothing failed.
    pub reason: Option<String>,
    pub modules: Vec<ModuleView>,
    /// Modules that were removed, with the instant at which they stopped being billed.
    pub removed_modules: Vec<RemovedModule>,
    /// Proves on the host's setup form that the tenant itself fills it in; only while `awaiting_setup`.
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
    /// Billed from this instant on; null until the instance is active.
    pub enabled_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RemovedModule {
    #[schema(example = "polls")]
    pub name: String,
    pub enabled_at: Option<DateTime<Utc>>,
    pub removed_at: DateTime<Utc>,
}

/// Completes one instance with its modules and setup code.
pub async fn one(conn: &mut PgConnection, app: &App, instance: Instance) -> Result<InstanceView, Problem> {
    let mut views = many(conn, app, vec![instance]).await?;
    views.pop().ok_or_else(not_found)
}

/// Completes instances with their modules and setup codes.
pub async fn many(conn: &mut PgConnection, app: &App, instances: Vec<Instance>) -> Result<Vec<InstanceView>, Problem> {
    let ids: Vec<Uuid> = instances.iter().map(|instance| instance.id.0).collect();
    let modules = store::modules(conn, &ids).await?;
    let codes = hosts::store::setup_codes(conn, &ids).await?;
    let view = |instance: Instance| {
        let id = instance.id;
        let sealed = codes.iter().find(|code| code.instance_id == id && instance.state == State::AwaitingSetup);
        let code = sealed.map(|code| app.sealer.open(id, Purpose::SetupCode, &code.setup_code)).transpose();
        let code = code.map_err(|error| Problem::internal(&error))?;
        Ok(view(instance, modules.iter().filter(|module| module.instance_id == id), code.map(|code| code.expose_secret().to_owned())))
    };
    instances.into_iter().map(view).collect()
}

/// What other tenants' instances look like, too.
pub fn not_found() -> Problem {
    Problem::not_found("instance_not_found", "There is no such instance.")
}

fn view<'a>(instance: Instance, modules: impl Iterator<Item = &'a InstanceModule>, setup_code: Option<String>) -> InstanceView {
    let (mut present, mut removed) = (Vec::new(), Vec::new());
    for module in modules {
        let (name, enabled_at) = (module.module.clone(), module.enabled_at);
        match module.removed_at {
            None => present.push(ModuleView { name, enabled_at }),
            Some(removed_at) => removed.push(RemovedModule { name, enabled_at, removed_at }),
        }
    }
    InstanceView {
        id: instance.id,
        service: instance.service,
        version: instance.version,
        host: instance.host,
        state: instance.state,
        state_since: instance.state_since,
        reason: instance.reason,
        modules: present,
        removed_modules: removed,
        setup_code,
        settings: instance.settings.0,
        created_at: instance.created_at,
    }
}
