//! SQL of polls and votes.

use super::model::NewPoll;
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Poll {
    pub id: Uuid,
    #[schema(example = "Tea or coffee?")]
    pub question: String,
    pub created_at: DateTime<Utc>,
    #[schema(example = 3)]
    pub votes: i64,
}

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct PollOption {
    pub id: Uuid,
    #[schema(example = "Tea")]
    pub label: String,
    #[schema(example = 2)]
    pub votes: i64,
}

const POLLS: &str = "
    SELECT p.id, p.question, p.created_at, (SELECT count(*) FROM poll_votes v WHERE v.poll_id = p.id) AS votes
    FROM polls p
    WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR p.id < $1) AND ($3::uuid IS NULL OR p.id = $3)
    ORDER BY p.id DESC LIMIT $2";
const OPTIONS: &str = "
    SELECT o.id, o.label, (SELECT count(*) FROM poll_votes v WHERE v.poll_id = o.poll_id AND v.option_id = o.id)
    AS votes
    FROM poll_options o WHERE o.poll_id = $1 ORDER BY o.position";
const INSERT_OPTION: &str = "INSERT INTO poll_options (id, poll_id, position, label) VALUES ($1, $2, $3, $4)";

/// Newest first.
pub async fn polls(conn: &mut PgConnection, request: PageRequest) -> sqlx::Result<Vec<Poll>> {
    sqlx::query_as(POLLS).bind(request.after).bind(request.fetch()).bind(None::<Uuid>).fetch_all(conn).await
}

pub async fn poll(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Poll>> {
    sqlx::query_as(POLLS).bind(Uuid::nil()).bind(1_i64).bind(id).fetch_optional(conn).await
}

pub async fn options(conn: &mut PgConnection, poll: Uuid) -> sqlx::Result<Vec<PollOption>> {
    sqlx::query_as(OPTIONS).bind(poll).fetch_all(conn).await
}

/// What the member has voted for, if anything.
pub async fn vote_of(conn: &mut PgConnection, poll: Uuid, member: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar("SELECT option_id FROM poll_votes WHERE poll_id = $1 AND member_id = $2")
        .bind(poll)
        .bind(member)
        .fetch_optional(conn)
        .await
}

/// The options take the ids of `options`, in order.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    poll: &NewPoll,
    options: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO polls (id, question, created_at) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(&poll.question)
        .bind(now)
        .execute(&mut *conn)
        .await?;
    for (position, (option, label)) in (0_i16..).zip(options.iter().zip(&poll.options)) {
        sqlx::query(INSERT_OPTION).bind(option).bind(id).bind(position).bind(label).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Violates `poll_votes_once_key` at a second vote, and `poll_votes_option_fkey` where the poll has no such option.
pub async fn insert_vote(
    conn: &mut PgConnection,
    poll: Uuid,
    option: Uuid,
    member: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO poll_votes (poll_id, option_id, member_id, created_at) VALUES ($1, $2, $3, $4)")
        .bind(poll)
        .bind(option)
        .bind(member)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}
