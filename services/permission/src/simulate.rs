//! Simulation of changes: they are made, who gains and who loses is looked at, and they are taken back.

pub mod limit;

use crate::{
    change::{Change, Writer},
    effective::{
        entitlements::TenantContext,
        store::{self, candidates},
    },
    grants::{self, WriteGrants, model::CreateGrant},
    groups,
    roles::{self, WriteRoles, model::RoleBody},
};
use access::Permission;
use common::{
    http::{IfMatch, Json},
    problem::{FieldError, Problem},
};
use contracts::id::Principal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use uuid::Uuid;

/// The tenant's writers wait while a simulation runs, so it must be short.
const MOST_CHANGES: usize = 50;
const MOST_PRINCIPALS: i64 = 2_000;
/// Principals read at once.
const BATCH: usize = 200;
#[derive(Debug, Deserialize, ToSchema)]
pub struct SimulateRequest {
    /// 1 to 50, made one after the other.
    #[schema(min_items = 1, max_items = 50)]
    pub changes: Vec<SimulatedChange>,
}

/// A change as the operation of that kind takes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum SimulatedChange {
    Grant(CreateGrant),
    Revoke { grant: Uuid },
    CreateRole(RoleBody),
    EditRole(SimulatedEdit),
    DeleteRole { role: Uuid },
    AddMember { group: Uuid, principal: Principal },
    RemoveMember { group: Uuid, principal: Principal },
    DeleteGroup { group: Uuid },
}

impl SimulatedChange {
    /// To whom it gives something.
    fn names(&self) -> Option<&Principal> {
        match self {
            Self::Grant(grant) => grant.principal.principal(),
            Self::AddMember { principal, .. } => Some(principal),
            _ => None,
        }
    }

    fn is_of_roles(&self) -> bool {
        matches!(self, Self::CreateRole(_) | Self::EditRole(_) | Self::DeleteRole { .. })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct SimulatedEdit {
    pub role: Uuid,
    #[serde(flatten)]
    pub body: RoleBody,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Simulation {
    /// Who would have more, by principal.
    pub gains: Vec<Difference>,
    /// Who would have less, by principal.
    pub loses: Vec<Difference>,
    /// The version of the tenant's permissions that the simulation began at; it is still the newest.
    pub version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
    pub permissions: BTreeSet<String>,
}

type Permissions = BTreeMap<String, BTreeSet<String>>;

#[utoipa::path(post, path = "/v1/simulate", operation_id = "simulateChanges", tag = "checks",
    request_body = SimulateRequest,
    responses((status = 200, body = Simulation), (status = 409, description = "`too_many_principals`, or what the \
        changes themselves \
        answer: `already_granted`, `too_many_grants`, `too_many_groups`, `role_exists`, `role_built_in`, \
        `role_granted`, `role_included`, `last_owner`, `last_operator`"),
        (status = 403, description = "`permission_missing`, `user_session_required`, or `escalation`: the caller \
        could not make one of the \
                                      changes."),
        (status = 404, description = "`grant_not_found`, `role_not_found`, `group_not_found`")),
    security(("bearer" = ["permission.writeGrants"])))]
pub async fn simulate(
    writer: Writer<WriteGrants>,
    Json(request): Json<SimulateRequest>,
) -> Result<Json<Simulation>, Problem> {
    if request.changes.is_empty() || request.changes.len() > MOST_CHANGES {
        return Err(FieldError::new("changes", "out_of_range", format!("must be 1 to {MOST_CHANGES} changes")).into());
    }
    let Writer { app, caller, .. } = &writer;
    if request.changes.iter().any(SimulatedChange::is_of_roles) {
        // Roles are edited by who may write roles, in a simulation as in earnest.
        app.access.admit(&caller.claims, Some(WriteRoles::NAME)).await?;
    }
    let naming = request.changes.iter().filter_map(SimulatedChange::names);
    let _room = app.simulations.enter(caller.tenant).await;
    let mut change = writer.begin(naming).await?;
    let context = store::context(change.tx()).await?;
    let before = permissions(&mut change, &context).await?;
    for (index, simulated) in request.changes.into_iter().enumerate() {
        make(&mut change, simulated).await.map_err(|problem| of_change(index, problem))?;
    }
    let after = permissions(&mut change, &context).await?;
    change.undo().await?;
    Ok(Json(Simulation { gains: beyond(&after, &before), loses: beyond(&before, &after), version: context.version }))
}

async fn make(change: &mut Change, simulated: SimulatedChange) -> Result<(), Problem> {
    match simulated {
        SimulatedChange::Grant(grant) => grants::changes::create(change, &grant).await.map(drop),
        SimulatedChange::Revoke { grant } => grants::changes::revoke(change, grant).await,
        SimulatedChange::CreateRole(body) => roles::changes::create(change, &body).await.map(drop),
        SimulatedChange::EditRole(edit) => {
            roles::changes::edit(change, edit.role, &edit.body, &IfMatch::any()).await.map(drop)
        }
        SimulatedChange::DeleteRole { role } => roles::changes::delete(change, role).await,
        SimulatedChange::AddMember { group, principal } => groups::changes::add(change, group, &principal).await,
        SimulatedChange::RemoveMember { group, principal } => groups::changes::remove(change, group, &principal).await,
        SimulatedChange::DeleteGroup { group } => groups::changes::delete(change, group).await,
    }
}

/// What everybody may do who was granted anything; complete or an error.
async fn permissions(change: &mut Change, context: &TenantContext) -> Result<Permissions, Problem> {
    let now = change.now();
    let names = candidates(change.tx(), "", MOST_PRINCIPALS + 1).await?;
    if names.len() as i64 > MOST_PRINCIPALS {
        let detail = format!("A simulation compares at most {MOST_PRINCIPALS} principals, and the tenant has more.");
        return Err(Problem::conflict("too_many_principals", detail));
    }
    let mut all = Permissions::new();
    for names in names.chunks(BATCH) {
        let grants = store::grants(change.tx(), names).await?;
        let held = |(name, grants)| (name, context.entitlements(grants).at(now).permissions);
        all.extend(grants.into_iter().map(held));
    }
    Ok(all)
}

/// What each has in `these` and not in `those`.
fn beyond(these: &Permissions, those: &Permissions) -> Vec<Difference> {
    let nothing = BTreeSet::new();
    let differences =
        these.iter().map(|(principal, held)| (principal, held - those.get(principal).unwrap_or(&nothing)));
    let differences = differences.filter(|(_, permissions)| !permissions.is_empty());
    differences.map(|(principal, permissions)| Difference { principal: principal.clone(), permissions }).collect()
}

fn of_change(index: usize, mut problem: Problem) -> Problem {
    problem.errors.iter_mut().for_each(|error| error.field = format!("changes[{index}].{}", error.field));
    problem.detail = format!("changes[{index}]: {}", problem.detail);
    problem
}
