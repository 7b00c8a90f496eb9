//! Endpoints of polls, for programs.

use super::{
    model::NewPoll,
    store::{self, Poll, PollOption},
};
use crate::{
    app::App,
    members::{session::SignedIn, store::Member},
    platform::Db,
};
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem, constraint},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A poll with its results so far.
#[derive(Serialize, ToSchema)]
pub struct PollWithOptions {
    #[serde(flatten)]
    pub poll: Poll,
    pub options: Vec<PollOption>,
    /// The option that the caller has voted for; absent for strangers and before the vote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voted_for: Option<Uuid>,
}

#[derive(Deserialize, ToSchema)]
pub struct Vote {
    pub option_id: Uuid,
}

#[utoipa::path(get, path = "/v1/polls", operation_id = "listPolls", tag = "polls", params(PageQuery), security(()),
    responses((status = 200, description = "A page of polls, newest first.", body = Page<Poll>)))]
pub async fn list(db: Db, Query(query): Query<PageQuery>) -> Result<Page<Poll>, Problem> {
    polls(&db, &query).await
}

#[utoipa::path(get, path = "/v1/polls/{id}", operation_id = "getPoll", tag = "polls", params(("id" = Uuid, Path)),
    security(()),
    responses((status = 200, description = "The poll with its results so far.", body = PollWithOptions),
        (status = 404, description = "`poll_not_found`")))]
pub async fn get(db: Db, member: Option<SignedIn>, Path(id): Path<Uuid>) -> Result<Json<PollWithOptions>, Problem> {
    poll(&db, id, member.map(|SignedIn(member)| member.id)).await.map(Json)
}

#[utoipa::path(post, path = "/v1/polls", operation_id = "addPoll", tag = "polls", request_body = NewPoll,
    security(("member" = [])),
    responses((status = 201, description = "The new poll.", body = PollWithOptions),
        (status = 401, description = "`token_missing`, `token_invalid`")))]
pub async fn add(
    State(app): State<App>,
    _: SignedIn,
    db: Db,
    Json(poll): Json<NewPoll>,
) -> Result<(StatusCode, Json<PollWithOptions>), Problem> {
    Ok((StatusCode::CREATED, Json(add_poll(&app, &db, &poll).await?)))
}

#[utoipa::path(post, path = "/v1/polls/{id}/votes", operation_id = "vote", tag = "polls", params(("id" = Uuid, Path)),
    request_body = Vote, security(("member" = [])),
    responses((status = 201, description = "The poll with the vote counted.", body = PollWithOptions),
        (status = 409, description = "`already_voted`"),
        (status = 404, description = "`poll_not_found`"),
        (status = 401, description = "`token_missing`, `token_invalid`")))]
pub async fn vote(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    db: Db,
    Path(id): Path<Uuid>,
    Json(vote): Json<Vote>,
) -> Result<(StatusCode, Json<PollWithOptions>), Problem> {
    Ok((StatusCode::CREATED, Json(add_vote(&app, &db, &member, id, vote.option_id).await?)))
}

pub(super) async fn polls(db: &Db, query: &PageQuery) -> Result<Page<Poll>, Problem> {
    let request = query.check()?;
    let polls = store::polls(&mut *db.acquire().await?, request).await?;
    Ok(Page::cut(polls, request, |poll| poll.id))
}

pub(super) async fn poll(db: &Db, id: Uuid, member: Option<Uuid>) -> Result<PollWithOptions, Problem> {
    let mut conn = db.acquire().await?;
    let poll = store::poll(&mut conn, id)
        .await?
        .ok_or_else(|| Problem::not_found("poll_not_found", "There is no such poll."))?;
    let options = store::options(&mut conn, id).await?;
    let voted_for = match member {
        Some(member) => store::vote_of(&mut conn, id, member).await?,
        None => None,
    };
    Ok(PollWithOptions { poll, options, voted_for })
}

pub(super) async fn add_poll(app: &App, db: &Db, poll: &NewPoll) -> Result<PollWithOptions, Problem> {
    let poll = poll.check()?;
    let id = app.ambient.uuid();
    let options: Vec<Uuid> = poll.options.iter().map(|_| app.ambient.uuid()).collect();
    let mut tx = db.begin().await?;
    store::insert(&mut tx, id, &poll, &options, app.ambient.now()).await?;
    tx.commit().await?;
    self::poll(db, id, None).await
}

pub(super) async fn add_vote(
    app: &App,
    db: &Db,
    member: &Member,
    id: Uuid,
    option: Uuid,
) -> Result<PollWithOptions, Problem> {
    poll(db, id, None).await?;
    let inserted = store::insert_vote(&mut *db.acquire().await?, id, option, member.id, app.ambient.now()).await;
    inserted.map_err(|error| match constraint(&error) {
        Some("poll_votes_once_key") => Problem::conflict("already_voted", "You have voted in this poll already."),
        Some("poll_votes_option_fkey") => {
            Problem::invalid(vec![FieldError::new("option_id", "unknown", "must be an option of this poll")])
        }
        _ => error.into(),
    })?;
    poll(db, id, Some(member.id)).await
}
