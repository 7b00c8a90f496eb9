//! Stand-in for auth and the permission service: what a test says of principals is what the service under test is told.

use access::SessionAnswer;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use common::problem::Problem;
use contracts::{
    http::authority::{
        AuthorityAnswer, AuthorityRequest, Existing, PrincipalsAnswer, PrincipalsRequest, RemovalRequest, Subject,
    },
    id::{Principal, SessionId, TenantId},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};
use uuid::Uuid;

/// What is true in the world around the service; cheap to clone.
#[derive(Clone, Default)]
pub struct Neighbours(Arc<Mutex<Facts>>);

#[derive(Default)]
struct Facts {
    sessions: HashSet<SessionId>,
    existing: HashMap<(TenantId, Principal), Uuid>,
    held: HashMap<(TenantId, Principal), BTreeSet<String>>,
    roles: HashMap<String, BTreeSet<String>>,
    last_owners: HashSet<(TenantId, Principal)>,
    removals: Vec<RemovalRequest>,
    questions: usize,
}

impl Neighbours {
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/internal/sessions/{tenant}/{session}", get(session))
            .route("/internal/principals", post(principals))
            .route("/internal/authority", post(authority))
            .route("/internal/removals", post(removal))
            .with_state(self.clone())
    }

    pub fn open_session(&self, session: SessionId) {
        self.facts().sessions.insert(session);
    }

    pub fn end_session(&self, session: SessionId) {
        self.facts().sessions.remove(&session);
    }

    /// The principal is a member or a machine of the tenant, under this id.
    pub fn enrol(&self, tenant: TenantId, principal: &Principal, id: Uuid) {
        self.facts().existing.insert((tenant, principal.clone()), id);
    }

    pub fn expel(&self, tenant: TenantId, principal: &Principal) {
        self.facts().existing.remove(&(tenant, principal.clone()));
    }

    /// The principal holds exactly these.
    pub fn allow(&self, tenant: TenantId, principal: &Principal, permissions: &[&str]) {
        self.facts().held.insert((tenant, principal.clone()), names(permissions));
    }

    /// Whoever has the role holds these; a role of which nothing is said gives nothing.
    pub fn define_role(&self, role: &str, permissions: &[&str]) {
        self.facts().roles.insert(role.to_owned(), names(permissions));
    }

    /// The permission service refuses to let the principal go.
    pub fn keep_as_last_owner(&self, tenant: TenantId, principal: &Principal, last: bool) {
        let (mut facts, key) = (self.facts(), (tenant, principal.clone()));
        if last {
            facts.last_owners.insert(key)
        } else {
            facts.last_owners.remove(&key)
        };
    }

    /// What the permission service was told to end, in order.
    pub fn removals(&self) -> Vec<RemovalRequest> {
        self.facts().removals.clone()
    }

    /// How often it was asked who exists.
    pub fn questions(&self) -> usize {
        self.facts().questions
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().expect("no test panics while it holds this")
    }
}

impl Facts {
    fn held(&self, tenant: TenantId, principal: &Principal) -> BTreeSet<String> {
        self.held.get(&(tenant, principal.clone())).cloned().unwrap_or_default()
    }
}

fn names(permissions: &[&str]) -> BTreeSet<String> {
    permissions.iter().map(|name| (*name).to_owned()).collect()
}

async fn session(
    State(neighbours): State<Neighbours>,
    Path((_, session)): Path<(TenantId, SessionId)>,
) -> Json<SessionAnswer> {
    Json(SessionAnswer { alive: neighbours.facts().sessions.contains(&session) })
}

async fn principals(
    State(neighbours): State<Neighbours>,
    Json(request): Json<PrincipalsRequest>,
) -> Json<PrincipalsAnswer> {
    let mut facts = neighbours.facts();
    facts.questions += 1;
    let id = |principal: &Principal| facts.existing.get(&(request.tenant_id, principal.clone())).copied();
    let existing = request
        .principals
        .iter()
        .filter_map(|principal| Some(Existing { principal: principal.clone(), id: id(principal)? }));
    Json(PrincipalsAnswer { existing: existing.collect() })
}

/// The rule of the permission service, as far as it can be told of names alone.
async fn authority(
    State(neighbours): State<Neighbours>,
    Json(request): Json<AuthorityRequest>,
) -> Json<AuthorityAnswer> {
    let facts = neighbours.facts();
    let mut own = facts.held(request.tenant_id, &request.actor);
    own.retain(|name| request.scope.as_ref().is_none_or(|scope| scope.contains(name)));
    let wanted = match &request.over {
        Subject::Principal { principal } => facts.held(request.tenant_id, principal),
        Subject::Things { roles, permissions, .. } => {
            let of_roles = roles.iter().filter_map(|role| facts.roles.get(role)).flatten();
            of_roles.chain(permissions).cloned().collect()
        }
    };
    let lacking: Vec<String> = wanted.difference(&own).cloned().collect();
    Json(AuthorityAnswer { holds: lacking.is_empty(), lacking })
}

async fn removal(State(neighbours): State<Neighbours>, Json(request): Json<RemovalRequest>) -> Response {
    let mut facts = neighbours.facts();
    if facts.last_owners.contains(&(request.tenant_id, request.principal.clone())) {
        return Problem::conflict("last_owner", "The tenant would have no owner left.").into_response();
    }
    facts.removals.push(request);
    StatusCode::NO_CONTENT.into_response()
}
