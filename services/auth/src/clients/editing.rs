//! Editing a client: its name, its addresses, what it may ask for, and the keys by which it signs.

use super::{
    entries,
    registration::ClientRequest,
    routes::WriteClients,
    secrets::no_such_client,
    store::{self, Client},
};
use crate::{accounts::routes::signed_in, app::App, authority::SpeaksFor};
use access::Allowed;
use axum::extract::State;
use common::{
    http::{ETag, IfMatch, Json, Path},
    problem::{FieldError, Problem},
};
use contracts::id::ClientId;

#[utoipa::path(put, path = "/v1/clients/{id}", operation_id = "editClient", tag = "clients",
    params(("id" = ClientId, Path),
        ("If-Match" = String, Header, description = "The `ETag` of the client that was read, or `*`.")),
    request_body = ClientRequest,
    responses((status = 200, body = Client, headers(("ETag" = String))),
        (status = 403, description = "`permission_missing`, `people_only`, `user_session_required`, or `escalation`: \
                                      the client holds what the caller lacks."),
        (status = 404, description = "`client_not_found`"),
        (status = 412, description = "`client_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["auth.writeClients"])))]
pub async fn edit(
    State(app): State<App>,
    caller: Allowed<WriteClients>,
    Path(id): Path<ClientId>,
    read: IfMatch,
    Json(request): Json<ClientRequest>,
) -> Result<(ETag, Json<Client>), Problem> {
    signed_in(&caller.claims, &caller.principal)?;
    // Whoever has a key of the client acts as it.
    let client = SpeaksFor::client(&app, &caller, id).await?.whom();
    let registration = request.check().map_err(Problem::invalid)?;
    let mut tx = caller.begin(&app.db).await?;
    if !store::lock(&mut tx, client).await? {
        return Err(no_such_client());
    }
    let before = store::find(&mut tx, client).await?.ok_or_else(no_such_client)?;
    read.check(before.revision, "client_edited")?;
    if before.token_endpoint_auth_method != registration.method {
        let detail = "cannot be changed: make another client";
        return Err(FieldError::new("token_endpoint_auth_method", "unchangeable", detail).into());
    }
    let after = before.edited(&registration);
    let anew = (!before.may_be_taken_for(&after)).then(|| app.ambient.now());
    store::edit(&mut tx, &after, anew).await?;
    audit::note(&mut tx, entries::edited(&before, &after));
    tx.commit().await?;
    Ok((ETag(after.revision), Json(after)))
}
