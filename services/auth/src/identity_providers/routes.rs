//! Endpoints by which a tenant says where its members can sign in.

use super::{
    configuring::{MayBeAnybody, ReadProviders, WriteProviders},
    ending, entries,
    model::{Configuration, MOST_PROVIDERS, ProviderRequest, secret_missing},
    refusals::no_such_provider,
    sealed_store,
    store::{self, Provider},
};
use crate::{accounts::routes::logged_in, app::App, sessions::routes::NO_STORE};
use access::Allowed;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use common::{
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::TenantId;
use idempotency::Creating;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

/// A provider, without its secret.
#[derive(Serialize, ToSchema)]
pub struct IdentityProvider {
    id: Uuid,
    #[schema(example = "Acme's staff")]
    name: String,
    #[schema(example = "https://login.example.com/acme")]
    issuer: String,
    #[schema(example = "sevenleague")]
    client_id: String,
    /// Whether people can sign in by it.
    enabled: bool,
    created_at: DateTime<Utc>,
    /// Of the client at the provider: register it there as it is.
    #[schema(example = "https://auth.example.com/v1/identity-providers/01890a5d-ac96-774b-bcce-b302099a8057/callback")]
    redirect_uri: String,
    /// Where a frontend leads people, with its own `return_to`.
    #[schema(example = "https://auth.example.com/v1/identity-providers/01890a5d-ac96-774b-bcce-b302099a8057/sign-in")]
    sign_in_uri: String,
}

#[utoipa::path(get, path = "/v1/identity-providers", operation_id = "listIdentityProviders", tag = "identity providers",
    params(PageQuery), responses((status = 200, body = Page<IdentityProvider>)),
    security(("bearer" = ["auth.readIdentityProviders"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadProviders>,
    Query(query): Query<PageQuery>,
) -> Result<Page<IdentityProvider>, Problem> {
    let page = query.check()?;
    let found = store::list(&mut caller.begin(&app.db).await?, page).await?;
    Ok(Page::cut(found.into_iter().map(|provider| shown(&app, provider)).collect(), page, |provider| provider.id))
}

#[utoipa::path(post, path = "/v1/identity-providers", operation_id = "createIdentityProvider",
    tag = "identity providers", request_body = ProviderRequest,
    responses((status = 201, body = IdentityProvider, headers(("ETag" = String))),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`permission_missing`, `people_only`, `user_session_required`, \
            `personal_session_required`, or `escalation`: the caller lacks some of what owners have."),
        (status = 409, description = "`too_many_identity_providers`; `platform_tenant`: operators sign in here.")),
    security(("bearer" = ["auth.writeIdentityProviders"])))]
pub async fn create(
    State(app): State<App>,
    MayBeAnybody(caller): MayBeAnybody,
    Creating(Json(request), mut once): Creating<Json<ProviderRequest>>,
) -> Result<Response, Problem> {
    let wanted = request.check(app.identity_providers.outbound.reach).map_err(Problem::invalid)?;
    let mut tx = caller.begin(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    match store::count_locked(&mut tx).await? {
        None => return Err(platform_tenant()),
        Some(MOST_PROVIDERS..) => return Err(too_many()),
        Some(_) => {}
    }
    let provider = new(&app, caller.tenant, wanted)?;
    store::insert(&mut tx, &provider).await?;
    let (location, revision) = (format!("/v1/identity-providers/{}", provider.id), ETag(provider.revision));
    let provider = shown(&app, provider);
    audit::note(&mut tx, entries::created(provider.id, json!(provider)));
    let made = (StatusCode::CREATED, [NO_STORE], [(header::LOCATION, location)], revision, Json(provider));
    let answer = once.remember(&mut tx, made).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(get, path = "/v1/identity-providers/{id}", operation_id = "getIdentityProvider",
    tag = "identity providers", params(("id" = Uuid, Path)),
    responses((status = 200, body = IdentityProvider, headers(("ETag" = String))),
        (status = 404, description = "`identity_provider_not_found`")),
    security(("bearer" = ["auth.readIdentityProviders"])))]
pub async fn show(
    State(app): State<App>,
    caller: Allowed<ReadProviders>,
    Path(id): Path<Uuid>,
) -> Result<(ETag, Json<IdentityProvider>), Problem> {
    let found = store::find(&mut caller.begin(&app.db).await?, id).await?.ok_or_else(no_such_provider)?;
    Ok((ETag(found.revision), Json(shown(&app, found))))
}

#[utoipa::path(put, path = "/v1/identity-providers/{id}", operation_id = "editIdentityProvider",
    tag = "identity providers", request_body = ProviderRequest,
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The `ETag` of the provider that was read, \
        or `*`.")),
    responses((status = 200, body = IdentityProvider, headers(("ETag" = String))),
        (status = 401, description = "`insufficient_user_authentication`"),
        (status = 403, description = "`permission_missing`, `people_only`, `user_session_required`, \
            `personal_session_required`, or `escalation`: the caller lacks some of what owners have."),
        (status = 404, description = "`identity_provider_not_found`"),
        (status = 412, description = "`identity_provider_edited`: somebody else has edited it since."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["auth.writeIdentityProviders"])))]
pub async fn edit(
    State(app): State<App>,
    MayBeAnybody(caller): MayBeAnybody,
    Path(id): Path<Uuid>,
    read: IfMatch,
    Json(request): Json<ProviderRequest>,
) -> Result<(ETag, Json<IdentityProvider>), Problem> {
    let wanted = request.check(app.identity_providers.outbound.reach).map_err(Problem::invalid)?;
    let mut tx = caller.begin(&app.db).await?;
    let before = store::lock(&mut tx, id).await?.ok_or_else(no_such_provider)?;
    read.check(before.revision, "identity_provider_edited")?;
    let was = json!(shown(&app, before.clone()));
    let (edited, ends) = changed(&app, before, wanted)?;
    store::replace(&mut tx, &edited).await?;
    let (revision, edited) = (ETag(edited.revision), shown(&app, edited));
    audit::note(&mut tx, entries::edited(id, was, json!(edited)));
    if ends {
        ending::end(&mut tx, id, app.ambient.now()).await?;
    }
    ending::tell(&app, tx, id).await?;
    Ok((revision, Json(edited)))
}

#[utoipa::path(delete, path = "/v1/identity-providers/{id}", operation_id = "deleteIdentityProvider",
    tag = "identity providers", params(("id" = Uuid, Path)),
    responses((status = 204),
        (status = 403, description = "`permission_missing`, `people_only`, `user_session_required`, \
            `personal_session_required`"),
        (status = 404, description = "`identity_provider_not_found`")),
    security(("bearer" = ["auth.writeIdentityProviders"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Allowed<WriteProviders>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    logged_in(&caller.claims, &caller.principal)?;
    let (mut tx, now) = (caller.begin(&app.db).await?, app.ambient.now());
    if !store::delete(&mut tx, id, now).await? {
        return Err(no_such_provider());
    }
    audit::note(&mut tx, entries::deleted(id));
    ending::end(&mut tx, id, now).await?;
    ending::tell(&app, tx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new(app: &App, tenant_id: TenantId, wanted: Configuration) -> Result<Provider, Problem> {
    let (id, created_at) = (app.ambient.uuid(), app.ambient.now());
    let Configuration { name, issuer, client_id, client_secret, enabled } = wanted;
    let sealed_client_secret = sealed(app, id, &client_secret.ok_or_else(secret_missing)?);
    let name = name.as_str().to_owned();
    Ok(Provider { id, tenant_id, name, issuer, client_id, sealed_client_secret, enabled, revision: 1, created_at })
}

/// And whether what it has begun ends by that.
fn changed(app: &App, before: Provider, wanted: Configuration) -> Result<(Provider, bool), Problem> {
    let Configuration { name, issuer, client_id, client_secret, enabled } = wanted;
    let is_another = before.issuer != issuer || before.client_id != client_id;
    let sealed_client_secret = match &client_secret {
        Some(secret) => sealed(app, before.id, secret),
        // Else whoever edits could have the old secret sent to themselves.
        None if is_another => return Err(secret_missing().into()),
        None => before.sealed_client_secret,
    };
    let (name, revision) = (name.as_str().to_owned(), before.revision + 1);
    let changed = Provider { name, issuer, client_id, sealed_client_secret, enabled, revision, ..before };
    Ok((changed, is_another || !enabled))
}

fn sealed(app: &App, provider: Uuid, secret: &SecretString) -> Vec<u8> {
    app.factor_sealer.seal(&app.ambient, &sealed_store::context(provider), secret.expose_secret().as_bytes())
}

fn shown(app: &App, provider: Provider) -> IdentityProvider {
    let Provider { id, name, issuer, client_id, enabled, created_at, .. } = provider;
    let at = |what: &str| format!("{}/v1/identity-providers/{id}/{what}", app.public_url);
    let (redirect_uri, sign_in_uri) = (at("callback"), at("sign-in"));
    IdentityProvider { id, name, issuer, client_id, enabled, created_at, redirect_uri, sign_in_uri }
}

fn too_many() -> Problem {
    Problem::conflict(
        "too_many_identity_providers",
        format!("A tenant may have {MOST_PROVIDERS} identity providers; delete one that is not needed."),
    )
}

fn platform_tenant() -> Problem {
    Problem::conflict("platform_tenant", "The platform's own tenant has no identity providers: operators log in here.")
}
