//! Endpoints of the catalog: what can callers ask, and who may publish?

use super::{
    model::{self, CatalogItem},
    store,
};
use crate::{app::App, hosts::routes::Products};
use access::{Allowed, Authenticated, Internal, permissions};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    db::Scoped,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::{http::instances::Publication, id::Principal, manifest::Manifest, messages::ServicePublished};
use idempotency::Creating;

permissions! {
    pub PublishServices = platform "configurator.publishServices",
}

type Published = (StatusCode, Json<CatalogItem>);

#[utoipa::path(get, path = "/v1/services", operation_id = "listServices", tag = "catalog", params(PageQuery),
    responses((status = 200, body = Page<CatalogItem>)), security(("bearer" = [])))]
pub async fn list(
    State(app): State<App>,
    _: Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Page<CatalogItem>, Problem> {
    let page = page.check()?;
    let latest = store::list(&mut *app.db.pool().acquire().await?, page).await?;
    let Page { items, next_cursor } = Page::cut(latest, page, |latest| latest.id);
    Ok(Page { items: items.into_iter().map(|latest| latest.manifest.0.into()).collect(), next_cursor })
}

#[utoipa::path(get, path = "/v1/services/{name}", operation_id = "getService", tag = "catalog",
    params(("name" = String, Path)),
    responses((status = 200, body = CatalogItem), (status = 404, description = "`service_not_found`")),
    security(("bearer" = [])))]
pub async fn get(
    State(app): State<App>,
    _: Authenticated,
    Path(name): Path<String>,
) -> Result<Json<CatalogItem>, Problem> {
    let latest = store::latest(&mut *app.db.pool().acquire().await?, &name).await?;
    let none = || Problem::not_found("service_not_found", "No service of this name is published.");
    latest.map(|manifest| Json(manifest.into())).ok_or_else(none)
}

#[utoipa::path(post, path = "/v1/services", operation_id = "publishService", tag = "catalog",
    request_body = Publication,
    responses((status = 201, body = CatalogItem, description = "Published."),
        (status = 200, body = CatalogItem, description = "The very same was published before."),
        (status = 409, description = "`version_taken`: this version was published with other content. \
                                      `version_not_newer`: it is neither newer than all others nor a patch of its \
                                      line.")),
    security(("bearer" = ["configurator.publishServices"])))]
pub async fn publish(
    State(app): State<App>,
    caller: Allowed<PublishServices>,
    Creating(Json(body), mut once): Creating<Json<Publication>>,
) -> Result<Response, Problem> {
    check(&body.manifest)?;
    let location = format!("/v1/services/{}", body.manifest.service);
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let published = publish_as(&mut tx, &app, &caller.principal, body.manifest).await?;
    let location = [(header::LOCATION, location)];
    let answer = once.remember(&mut tx, (location, published)).await?;
    tx.commit().await?;
    Ok(answer)
}

#[utoipa::path(put, path = "/internal/services/{name}", operation_id = "publishOwnService", tag = "catalog",
    params(("name" = String, Path)),
    request_body = Publication,
    responses((status = 201, body = CatalogItem, description = "Published."),
        (status = 200, body = CatalogItem, description = "The very same was published before."),
        (status = 409, description = "`version_taken`: this version was published with other content. \
                                      `version_not_newer`: it is neither newer than all others nor a patch of its \
                                      line."),
        (status = 403, description = "`not_your_service`")),
    security(("platform_client" = ["*"])))]
pub async fn publish_own(
    State(app): State<App>,
    caller: Internal<Products>,
    Path(name): Path<String>,
    Json(body): Json<Publication>,
) -> Result<Published, Problem> {
    if name != caller.client_id || body.manifest.service != name {
        return Err(Problem::forbidden("not_your_service", "A product service publishes only itself."));
    }
    check(&body.manifest)?;
    let mut tx = app.db.begin_tenantless().await?;
    let published = publish_as(&mut tx, &app, &Principal::Client(caller.client_id), body.manifest).await?;
    tx.commit().await?;
    Ok(published)
}

fn check(manifest: &Manifest) -> Result<(), Problem> {
    let errors = model::faults(manifest);
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Stores a version and tells the other services, once; a version that is there already must be the very same.
async fn publish_as(tx: &mut impl Scoped, app: &App, by: &Principal, manifest: Manifest) -> Result<Published, Problem> {
    let published = store::hold_versions(tx, &manifest.service).await?;
    if !published.contains(&manifest.version) && !model::may_join(&manifest.version, &published) {
        let detail = "A newer version of this service is published. A new one must be newer than all others, or the \
                      next patch of its line.";
        return Err(Problem::conflict("version_not_newer", detail));
    }
    if store::insert(tx, app.ambient.uuid(), &manifest, by, app.ambient.now()).await? {
        let event = ServicePublished { manifest };
        messaging::publish(tx, &event).await?;
        return Ok((StatusCode::CREATED, Json(event.manifest.into())));
    }
    let there = store::version(tx, &manifest.service, &manifest.version).await?;
    if there.as_ref() != Some(&manifest) {
        return Err(Problem::conflict(
            "version_taken",
            "This version was published with other content. Raise the version.",
        ));
    }
    Ok((StatusCode::OK, Json(manifest.into())))
}
