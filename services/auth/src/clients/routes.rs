//! Endpoints of a tenant's clients. It may look at them by permission; only a person who is logged in makes and ends
//! credentials.

use super::{
    entries,
    registration::{AuthMethod, ClientRequest},
    secrets::{self, MOST_SECRETS, NewSecret, no_such_client},
    store::{self, Client, LiveSecret},
};
use crate::{accounts::routes::signed_in, app::App, authority::SpeaksFor, sessions::routes::NO_STORE};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    http::{ETag, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::{ClientId, SessionId};
use idempotency::{Creating, Once};
use serde::Serialize;
use utoipa::ToSchema;

access::permissions! { pub ReadClients = "auth.readClients", pub WriteClients = "auth.writeClients" }

/// More machines than a tenant can keep an eye on.
const MOST_CLIENTS: i64 = 100;

#[derive(Serialize, ToSchema)]
pub struct ClientMade {
    client: Client,
    /// Absent for a client that needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<NewSecret>,
}

#[derive(Serialize, ToSchema)]
pub struct ClientShown {
    client: Client,
    /// Those that work, at most two.
    secrets: Vec<LiveSecret>,
}

#[utoipa::path(get, path = "/v1/clients", operation_id = "listClients", tag = "clients", params(PageQuery),
    responses((status = 200, body = Page<Client>)),
    security(("bearer" = ["auth.readClients"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadClients>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Client>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin(&app.db).await?;
    let clients = store::list(&mut tx, page).await?;
    Ok(Page::cut(clients, page, |client| client.id.0))
}

#[utoipa::path(post, path = "/v1/clients", operation_id = "createClient", tag = "clients", request_body = ClientRequest,
    responses((status = 201, body = ClientMade), (status = 409, description = "`too_many_clients`"),
        (status = 403, description = "`people_only`, `user_session_required`")),
        security(("bearer" = ["auth.writeClients"])))]
pub async fn create(
    State(app): State<App>,
    caller: Allowed<WriteClients>,
    Creating(Json(request), mut once): Creating<Json<ClientRequest>>,
) -> Result<Response, Problem> {
    let created_by = signed_in(&caller.claims, &caller.principal)?;
    let registration = request.check().map_err(Problem::invalid)?;
    let client = Client::new(&app.ambient, created_by, &registration);
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    if store::count_locked(&mut tx).await? >= MOST_CLIENTS {
        return Err(Problem::conflict(
            "too_many_clients",
            format!("A tenant may have {MOST_CLIENTS} clients; delete one that is not needed."),
        ));
    }
    store::insert(&mut tx, &client, &registration).await?;
    audit::note(&mut tx, entries::created(&client));
    let secret = match registration.method {
        AuthMethod::ClientSecretBasic => Some(secrets::add(&mut tx, &app, SpeaksFor::newly_made(client.id)).await?),
        AuthMethod::PrivateKeyJwt | AuthMethod::None => None,
    };
    let location = (header::LOCATION, format!("/v1/clients/{}", client.id));
    let made = Json(ClientMade { client, secret });
    let answer = once.remember(&mut tx, (StatusCode::CREATED, [NO_STORE], [location], made)).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(get, path = "/v1/clients/{id}", operation_id = "getClient", tag = "clients",
    params(("id" = ClientId, Path)),
    responses((status = 200, body = ClientShown, headers(("ETag" = String))),
        (status = 404, description = "`client_not_found`")), security(("bearer" = ["auth.readClients"])))]
pub async fn show(
    State(app): State<App>,
    caller: Allowed<ReadClients>,
    Path(id): Path<ClientId>,
) -> Result<(ETag, Json<ClientShown>), Problem> {
    let mut tx = caller.begin(&app.db).await?;
    let client = store::find(&mut tx, id).await?.ok_or_else(no_such_client)?;
    let secrets = store::live_secrets(&mut tx, id).await?;
    Ok((ETag(client.revision), Json(ClientShown { client, secrets })))
}

#[utoipa::path(delete, path = "/v1/clients/{id}", operation_id = "deleteClient", tag = "clients",
    params(("id" = ClientId, Path)),
    responses((status = 204),
        (status = 403, description = "`people_only`, `user_session_required`"),
        (status = 404, description = "`client_not_found`")), security(("bearer" = ["auth.writeClients"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Allowed<WriteClients>,
    Path(id): Path<ClientId>,
) -> Result<StatusCode, Problem> {
    signed_in(&caller.claims, &caller.principal)?;
    secrets::revoke(&app, caller.begin(&app.db).await?, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/clients/{id}/secrets", operation_id = "addClientSecret", tag = "clients",
    params(("id" = ClientId, Path)),
    responses((status = 201, body = NewSecret), (status = 409, description = "`two_secrets_live`, `no_secrets`"),
        (status = 403,
        description = "`permission_missing`, `people_only`, `user_session_required`, or `escalation`: the client \
        holds what the caller lacks."),
        (status = 404, description = "`client_not_found`")),
            security(("bearer" = ["auth.writeClients"])))]
pub async fn add_secret(
    State(app): State<App>,
    caller: Allowed<WriteClients>,
    Path(id): Path<ClientId>,
    mut once: Once,
) -> Result<Response, Problem> {
    signed_in(&caller.claims, &caller.principal)?;
    let client = SpeaksFor::client(&app, &caller, id).await?;
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    if !store::lock(&mut tx, id).await? {
        return Err(no_such_client());
    }
    let method = store::find(&mut tx, id).await?.map(|client| client.token_endpoint_auth_method);
    if method != Some(AuthMethod::ClientSecretBasic) {
        return Err(Problem::conflict("no_secrets", "The client was registered without secrets."));
    }
    if store::live_secrets(&mut tx, id).await?.len() >= MOST_SECRETS {
        return Err(Problem::conflict(
            "two_secrets_live",
            "The client has two secrets that work; revoke the one that is not used any more.",
        ));
    }
    let secret = secrets::add(&mut tx, &app, client).await?;
    let location = (header::LOCATION, format!("/v1/clients/{id}/secrets/{}", secret.id));
    let answer = once.remember(&mut tx, (StatusCode::CREATED, [NO_STORE], [location], Json(secret))).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(delete, path = "/v1/clients/{id}/secrets/{secret_id}", operation_id = "revokeClientSecret",
    tag = "clients",
    params(("id" = ClientId, Path), ("secret_id" = SessionId, Path)), responses((status = 204),
        (status = 403, description = "`people_only`, `user_session_required`"),
        (status = 404, description = "`client_not_found`, `secret_not_found`")),
    security(("bearer" = ["auth.writeClients"])))]
pub async fn revoke_secret(
    State(app): State<App>,
    caller: Allowed<WriteClients>,
    Path((id, secret)): Path<(ClientId, SessionId)>,
) -> Result<StatusCode, Problem> {
    signed_in(&caller.claims, &caller.principal)?;
    secrets::revoke(&app, caller.begin(&app.db).await?, id, Some(secret)).await?;
    Ok(StatusCode::NO_CONTENT)
}
