//! What a browser sees: files with their state, what was read of them, and a form to upload more. The script of that
//! form calls the endpoints like any program.

mod html;

use crate::{
    app::App,
    caller::{Caller, ReadFiles, WriteFiles, bearer, set_cookie},
    extractions::routes::page_text,
    files::routes as files,
};
use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use common::{
    http::{Form, Path, Query, no_route},
    page::PageQuery,
    problem::Problem,
};
use html::PageResult;
use minijinja::{context, value::Serde};
use product_kit::{
    Db, Instance, Objects,
    host::wants_html,
    html::{HasPages, OrPage},
};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
pub struct SignIn {
    token: String,
}

#[derive(Deserialize)]
pub struct Shown {
    /// From 1; the first unless it says so.
    page: Option<i32>,
}

pub async fn home(
    _: OrPage<Caller<ReadFiles>>,
    instance: Instance,
    objects: Objects,
    db: Db,
    OrPage(Query(query)): OrPage<Query<PageQuery>>,
) -> PageResult {
    let page = files::files(&db, &query).await?;
    let pending = page.items.iter().any(|file| file.is_pending());
    let values = context! { page => Serde(&page), pending, first => query.cursor.is_none() };
    html::page(&instance, StatusCode::OK, "home.html", values, &objects.origin())
}

pub async fn file(
    _: OrPage<Caller<ReadFiles>>,
    instance: Instance,
    db: Db,
    OrPage(Path(id)): OrPage<Path<Uuid>>,
    OrPage(Query(shown)): OrPage<Query<Shown>>,
) -> PageResult {
    let file = files::file(&db, id).await?;
    let pages = file.extraction.as_ref().and_then(|extraction| Some((extraction.id, extraction.page_count?)));
    let read = match pages {
        Some((extraction, count)) if count > 0 => Some(page_text(&db, extraction, shown.page.unwrap_or(1)).await?),
        _ => None,
    };
    html::page(&instance, StatusCode::OK, "file.html", context! { file => Serde(&file), read => Serde(&read) }, "")
}

pub async fn delete(
    _: OrPage<Caller<WriteFiles>>,
    db: Db,
    objects: Objects,
    OrPage(Path(id)): OrPage<Path<Uuid>>,
) -> PageResult {
    files::delete_file(&db, &objects, id).await?;
    Ok(Redirect::to("/").into_response())
}

pub async fn sign_in_form(instance: Instance) -> PageResult {
    html::page(&instance, StatusCode::OK, "sign_in.html", context! {}, "")
}

/// Takes a token that may read here.
pub async fn sign_in(
    State(app): State<App>,
    instance: Instance,
    headers: HeaderMap,
    Form(SignIn { token }): Form<SignIn>,
) -> PageResult {
    match may_read(&app, &instance, token.trim()).await {
        Ok(()) => Ok(([(header::SET_COOKIE, set_cookie(&headers, token.trim()))], Redirect::to("/")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem.into()),
        Err(problem) => html::page(&instance, problem.status, "sign_in.html", context! { error => problem.detail }, ""),
    }
}

async fn may_read(app: &App, instance: &Instance, token: &str) -> Result<(), Problem> {
    let unreadable = || Problem::unauthorized("token_invalid", "This is neither an API key nor an access token.");
    let request = Request::builder().header(header::AUTHORIZATION, bearer(token).ok_or_else(unreadable)?);
    let request = request.extension(instance.clone()).body(()).map_err(|error| Problem::internal(&error))?;
    Caller::<ReadFiles>::from_request_parts(&mut request.into_parts().0, app).await.map(|_| ())
}

pub async fn sign_out(headers: HeaderMap) -> Response {
    ([(header::SET_COOKIE, set_cookie(&headers, ""))], Redirect::to("/sign-in")).into_response()
}

/// What is at no other address.
pub async fn nothing_here(headers: HeaderMap) -> Response {
    if wants_html(&headers) { App::fault(&no_route()) } else { no_route().into_response() }
}

pub async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../templates/style.css"))
}

pub async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../templates/upload.js"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")], text).into_response()
}
