//! Pages of members, for browsers: the forms for registering, signing in and out.

use super::{
    model::Registration,
    routes::{self, SignIn},
    session, store,
};
use crate::{
    app::App,
    pages::{PageResult, Visit},
    platform::Db,
};
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use common::http::Form;
use minijinja::context;

pub async fn registration(visit: Visit) -> PageResult {
    visit.page("register.html", context! {})
}

pub async fn register(
    State(app): State<App>,
    visit: Visit,
    db: Db,
    headers: HeaderMap,
    Form(form): Form<Registration>,
) -> PageResult {
    let (name, email, password) = (form.name.clone(), form.email.clone(), form.password.clone());
    let added = match form.check() {
        Ok(member) => routes::add(&app, &db, member).await,
        Err(problem) => Err(problem),
    };
    match added {
        Ok(_) => Ok(welcome(&headers, &routes::open_session(&app, &db, SignIn { email, password }).await?.token)),
        Err(problem) => visit.page_again("register.html", problem, context! { name, email }),
    }
}

pub async fn sign_in_form(visit: Visit) -> PageResult {
    visit.page("sign_in.html", context! {})
}

pub async fn sign_in(
    State(app): State<App>,
    visit: Visit,
    db: Db,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> PageResult {
    let email = form.email.clone();
    match routes::open_session(&app, &db, form).await {
        Ok(session) => Ok(welcome(&headers, &session.token)),
        Err(problem) => visit.page_again("sign_in.html", problem, context! { email }),
    }
}

pub async fn sign_out(db: Db, headers: HeaderMap) -> PageResult {
    if let Some(token) = session::cookie(&headers) {
        store::close_session(&mut *db.acquire().await?, &session::hash(token)).await?;
    }
    Ok(welcome(&headers, ""))
}

/// Home, with the cookie of a session; with an empty token, without one.
fn welcome(headers: &HeaderMap, token: &str) -> Response {
    ([(header::SET_COOKIE, session::set_cookie(headers, token))], Redirect::to("/")).into_response()
}
