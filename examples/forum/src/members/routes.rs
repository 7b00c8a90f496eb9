//! Endpoints of members, for programs: to become one, and a session.

use super::{model::Registration, session, store, store::Member};
use crate::{app::App, platform::Db};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    http::Json,
    problem::{Problem, constraint},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    #[schema(example = "grace@example.com")]
    pub email: String,
    #[schema(example = "correct horse")]
    pub password: String,
}

#[derive(Serialize, ToSchema)]
pub struct Session {
    /// For `Authorization: Bearer`.
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

#[utoipa::path(post, path = "/v1/members", operation_id = "register", tag = "members", request_body = Registration,
    security(()),
    responses((status = 201, description = "The new member.", body = Member),
        (status = 409, description = "`name_taken`, `email_taken`")))]
pub async fn register(
    State(app): State<App>,
    db: Db,
    Json(registration): Json<Registration>,
) -> Result<(StatusCode, Json<Member>), Problem> {
    let member = add(&app, &db, registration.check()?).await?;
    Ok((StatusCode::CREATED, Json(member)))
}

#[utoipa::path(post, path = "/v1/sessions", operation_id = "signIn", tag = "members", request_body = SignIn,
    security(()),
    responses((status = 201, description = "A session.", body = Session),
        (status = 401, description = "`credentials_wrong`")))]
pub async fn sign_in(
    State(app): State<App>,
    db: Db,
    Json(sign_in): Json<SignIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    Ok((StatusCode::CREATED, Json(open_session(&app, &db, sign_in).await?)))
}

/// Adds a member; 409 where name or address is taken.
pub(super) async fn add(app: &App, db: &Db, member: Registration) -> Result<Member, Problem> {
    let hash = app.passwords.hash(member.password.clone()).await?;
    let id = app.ambient.uuid();
    let mut conn = db.acquire().await?;
    let inserted = store::insert(&mut conn, id, &member, &hash, app.ambient.now()).await;
    inserted.map_err(|error| match constraint(&error) {
        Some("members_email_key") => {
            Problem::conflict("email_taken", "Somebody is registered with this address already.")
        }
        Some("members_name_key") => Problem::conflict("name_taken", "Somebody has this name already."),
        _ => error.into(),
    })?;
    Ok(Member { id, name: member.name })
}

/// Opens a session; 401 where address or password is wrong.
pub(super) async fn open_session(app: &App, db: &Db, sign_in: SignIn) -> Result<Session, Problem> {
    let found = store::credentials(&mut *db.acquire().await?, sign_in.email.trim()).await?;
    let (member, hash) = found.map_or((None, None), |found| (Some(found.id), found.password_hash));
    let matches = app.passwords.verify(sign_in.password, hash).await?;
    let member = member
        .filter(|_| matches)
        .ok_or_else(|| Problem::unauthorized("credentials_wrong", "Address or password is wrong."))?;
    let token = app.ambient.token();
    let expires_at =
        store::open_session(&mut *db.acquire().await?, &session::hash(&token), member, app.ambient.now()).await?;
    Ok(Session { token, expires_at })
}
