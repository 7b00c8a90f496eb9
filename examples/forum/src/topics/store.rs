//! SQL of topics, posts and the forum's own settings.

use super::model::{NewPost, NewTopic};
use chrono::{DateTime, Utc};
use common::page::PageRequest;
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(FromRow)]
pub struct Settings {
    pub title: String,
    pub welcome: String,
}

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Topic {
    pub id: Uuid,
    #[schema(example = "Which kettle?")]
    pub title: String,
    /// Who wrote the oldest post; absent if all are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub created_at: DateTime<Utc>,
    #[schema(example = 2)]
    pub post_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_post_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, FromRow, Serialize, ToSchema)]
pub struct Post {
    pub id: Uuid,
    pub topic_id: Uuid,
    #[schema(example = "Grace")]
    pub author: String,
    #[schema(example = "Take the red one.")]
    pub body: String,
    pub created_at: DateTime<Utc>,
}

const TOPICS: &str = "
    SELECT t.id, t.title, t.created_at, a.author, p.post_count, p.last_post_at
    FROM topics t
    CROSS JOIN LATERAL (SELECT count(*) AS post_count, max(created_at) AS last_post_at FROM posts
    WHERE topic_id = t.id) p
    LEFT JOIN LATERAL (
        SELECT m.name AS author FROM posts f JOIN members m ON m.id = f.member_id WHERE f.topic_id = t.id
        ORDER BY f.id LIMIT 1
    ) a ON true
    WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR t.id < $1) AND ($3::uuid IS NULL OR t.id = $3)
    ORDER BY t.id DESC LIMIT $2";
const POSTS: &str = "
    SELECT p.id, p.topic_id, m.name AS author, p.body, p.created_at
    FROM posts p JOIN members m ON m.id = p.member_id
    WHERE p.topic_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3";

pub async fn settings(conn: &mut PgConnection) -> sqlx::Result<Settings> {
    sqlx::query_as("SELECT title, welcome FROM settings").fetch_one(conn).await
}

/// Newest first.
pub async fn topics(conn: &mut PgConnection, request: PageRequest) -> sqlx::Result<Vec<Topic>> {
    sqlx::query_as(TOPICS).bind(request.after).bind(request.fetch()).bind(None::<Uuid>).fetch_all(conn).await
}

pub async fn topic(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Topic>> {
    sqlx::query_as(TOPICS).bind(Uuid::nil()).bind(1_i64).bind(id).fetch_optional(conn).await
}

/// Oldest first.
pub async fn posts(conn: &mut PgConnection, topic: Uuid, request: PageRequest) -> sqlx::Result<Vec<Post>> {
    sqlx::query_as(POSTS).bind(topic).bind(request.after).bind(request.fetch()).fetch_all(conn).await
}

pub async fn insert_topic(conn: &mut PgConnection, id: Uuid, topic: &NewTopic, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO topics (id, title, created_at) VALUES ($1, $2, $3)")
        .bind(id)
        .bind(&topic.title)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Violates `posts_topic_id_fkey` where there is no such topic.
pub async fn insert_post(
    conn: &mut PgConnection,
    id: Uuid,
    topic: Uuid,
    member: Uuid,
    post: &NewPost,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO posts (id, topic_id, member_id, body, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(topic)
        .bind(member)
        .bind(&post.body)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether there was such a post.
pub async fn delete_post(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    Ok(sqlx::query("DELETE FROM posts WHERE id = $1").bind(id).execute(conn).await?.rows_affected() == 1)
}
