//! Principals of a tenant: which exist? Asked by the permission service before it lets anything be granted.

use crate::{accounts::store as accounts, app::App, clients::store as clients, opaque::sha256};
use access::{Internal, callers};
use axum::extract::State;
use common::{
    http::Json,
    problem::{FieldError, Problem},
};
use contracts::{
    http::authority::{Existing, MOST_PRINCIPALS, PrincipalsAnswer, PrincipalsRequest},
    id::{ClientId, Principal},
};
use uuid::Uuid;

callers! { pub Permission = ["permission"] }

/// A product exists in every tenant, as nobody's machine: what it may do for people there is granted like anything else.
fn product(name: &str) -> Existing {
    let mut id = [0; 16];
    id.copy_from_slice(&sha256(&[b"product ", name.as_bytes()])[..16]);
    Existing { principal: Principal::Client(name.to_owned()), id: Uuid::from_bytes(id) }
}

#[utoipa::path(post, path = "/internal/principals", operation_id = "existingPrincipals", tag = "internal",
    request_body = PrincipalsRequest,
    responses((status = 200, body = PrincipalsAnswer)), security(("platform_client" = ["permission"])))]
pub async fn existing(
    State(app): State<App>,
    caller: Internal<Permission>,
    Json(PrincipalsRequest { tenant_id, principals }): Json<PrincipalsRequest>,
) -> Result<Json<PrincipalsAnswer>, Problem> {
    if principals.len() > MOST_PRINCIPALS {
        return Err(Problem::invalid(vec![FieldError::new(
            "principals",
            "too_many",
            format!("must be at most {MOST_PRINCIPALS}"),
        )]));
    }
    let (mut users, mut machines, mut products) = (Vec::new(), Vec::new(), Vec::new());
    for principal in &principals {
        match principal {
            Principal::User(user) => users.push(user.0),
            Principal::Client(name) if app.audiences.is_product(name) => products.push(product(name)),
            // Another kind of id is no tenant's machine.
            Principal::Client(id) => machines
                .extend(id.parse::<ClientId>().ok().filter(|client| client.to_string() == *id).map(|client| client.0)),
        }
    }
    let mut tx = caller.begin_for(&app.db, tenant_id).await?;
    let members = accounts::memberships(&mut tx, &users).await?;
    let machines = clients::existing(&mut tx, &machines).await?;
    let members = members.into_iter().map(|(user, id)| Existing { principal: Principal::User(user), id });
    let machines = machines.into_iter().map(|client| Existing { principal: client.into(), id: client.0 });
    Ok(Json(PrincipalsAnswer { existing: members.chain(machines).chain(products).collect() }))
}
