//! Pages of polls, for browsers.

use super::{
    model::NewPoll,
    routes::{self, Vote},
};
use crate::{
    app::App,
    members::session::SignedIn,
    pages::{OrPage, PageResult, Visit},
    platform::Db,
};
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use common::{
    http::{Form, Path, Query},
    page::PageQuery,
};
use minijinja::{context, value::Serde};
use serde::Deserialize;
use uuid::Uuid;

/// A form has one field for all options: one a line.
#[derive(Deserialize)]
pub struct PollForm {
    question: String,
    options: String,
}

pub async fn list(visit: Visit, db: Db, OrPage(Query(query)): OrPage<Query<PageQuery>>) -> PageResult {
    visit.page("polls.html", context! { page => Serde(&routes::polls(&db, &query).await?) })
}

pub async fn poll(visit: Visit, db: Db, OrPage(Path(id)): OrPage<Path<Uuid>>) -> PageResult {
    let poll = routes::poll(&db, id, visit.member.as_ref().map(|member| member.id)).await?;
    visit.page("poll.html", context! { poll => Serde(&poll) })
}

pub async fn poll_form(_: OrPage<SignedIn>, visit: Visit) -> PageResult {
    visit.page("new_poll.html", context! {})
}

pub async fn add(
    State(app): State<App>,
    _: OrPage<SignedIn>,
    visit: Visit,
    db: Db,
    Form(form): Form<PollForm>,
) -> PageResult {
    let options = form.options.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    match routes::add_poll(&app, &db, &NewPoll { question: form.question.clone(), options }).await {
        Ok(poll) => Ok(Redirect::to(&format!("/polls/{}", poll.poll.id)).into_response()),
        Err(problem) => {
            visit.page_again("new_poll.html", problem, context! { question => form.question, options => form.options })
        }
    }
}

pub async fn vote(
    State(app): State<App>,
    OrPage(SignedIn(member)): OrPage<SignedIn>,
    visit: Visit,
    db: Db,
    OrPage(Path(id)): OrPage<Path<Uuid>>,
    Form(vote): Form<Vote>,
) -> PageResult {
    match routes::add_vote(&app, &db, &member, id, vote.option_id).await {
        Ok(_) => Ok(Redirect::to(&format!("/polls/{id}")).into_response()),
        Err(problem) => {
            let poll = routes::poll(&db, id, Some(member.id)).await?;
            visit.page_again("poll.html", problem, context! { poll => Serde(&poll) })
        }
    }
}
