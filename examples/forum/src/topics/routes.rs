//! Endpoints of topics and posts, for programs.

use super::{
    model::{NewPost, NewTopic},
    store::{self, Post, Topic},
};
use crate::{
    app::App,
    members::{session::SignedIn, store::Member},
    platform::{Db, Moderator},
};
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{Problem, constraint},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A topic with a page of its posts.
#[derive(Serialize, ToSchema)]
pub struct TopicWithPosts {
    #[serde(flatten)]
    pub topic: Topic,
    pub posts: Page<Post>,
}

#[utoipa::path(get, path = "/v1/topics", operation_id = "listTopics", tag = "topics", params(PageQuery), security(()),
    responses((status = 200, description = "A page of topics, newest first.", body = Page<Topic>)))]
pub async fn list(db: Db, Query(query): Query<PageQuery>) -> Result<Page<Topic>, Problem> {
    topics(&db, &query).await
}

#[utoipa::path(get, path = "/v1/topics/{id}", operation_id = "getTopic", tag = "topics",
    params(("id" = Uuid, Path), PageQuery), security(()),
    responses((status = 200, description = "The topic, with a page of its posts, oldest first.",
        body = TopicWithPosts),
        (status = 404, description = "`topic_not_found`")))]
pub async fn get(
    db: Db,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<TopicWithPosts>, Problem> {
    topic_with_posts(&db, id, &query).await.map(Json)
}

#[utoipa::path(post, path = "/v1/topics", operation_id = "addTopic", tag = "topics", request_body = NewTopic,
    security(("member" = [])),
    responses((status = 201, description = "The new topic.", body = Topic),
        (status = 401, description = "`token_missing`, `token_invalid`")))]
pub async fn add(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    db: Db,
    Json(topic): Json<NewTopic>,
) -> Result<(StatusCode, Json<Topic>), Problem> {
    Ok((StatusCode::CREATED, Json(add_topic(&app, &db, member, &topic).await?)))
}

#[utoipa::path(post, path = "/v1/topics/{id}/posts", operation_id = "addPost", tag = "topics",
    params(("id" = Uuid, Path)), request_body = NewPost, security(("member" = [])),
    responses((status = 201, description = "The new post.", body = Post),
        (status = 404, description = "`topic_not_found`"),
        (status = 401, description = "`token_missing`, `token_invalid`")))]
pub async fn reply(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    db: Db,
    Path(topic): Path<Uuid>,
    Json(post): Json<NewPost>,
) -> Result<(StatusCode, Json<Post>), Problem> {
    Ok((StatusCode::CREATED, Json(add_post(&app, &db, member, topic, &post).await?)))
}

#[utoipa::path(delete, path = "/v1/posts/{id}", operation_id = "deletePost", tag = "topics",
    params(("id" = Uuid, Path)), security(("bearer" = ["forum.deletePosts"])),
    responses((status = 204, description = "The post is gone."),
        (status = 404, description = "`post_not_found`"),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`")))]
pub async fn delete(_: Moderator, db: Db, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    if store::delete_post(&mut *db.acquire().await?, id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("post_not_found", "There is no such post."))
}

pub(super) async fn topics(db: &Db, query: &PageQuery) -> Result<Page<Topic>, Problem> {
    let request = query.check()?;
    let topics = store::topics(&mut *db.acquire().await?, request).await?;
    Ok(Page::cut(topics, request, |topic| topic.id))
}

pub(super) async fn topic_with_posts(db: &Db, id: Uuid, query: &PageQuery) -> Result<TopicWithPosts, Problem> {
    let request = query.check()?;
    let mut conn = db.acquire().await?;
    let topic = store::topic(&mut conn, id).await?.ok_or_else(no_topic)?;
    let posts = store::posts(&mut conn, id, request).await?;
    Ok(TopicWithPosts { topic, posts: Page::cut(posts, request, |post| post.id) })
}

pub(super) async fn add_topic(app: &App, db: &Db, member: Member, topic: &NewTopic) -> Result<Topic, Problem> {
    let topic = topic.check()?;
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    let mut tx = db.begin().await?;
    store::insert_topic(&mut tx, id, &topic, now).await?;
    store::insert_post(&mut tx, app.ambient.uuid(), id, member.id, &NewPost { body: topic.body }, now).await?;
    tx.commit().await?;
    Ok(Topic {
        id,
        title: topic.title,
        author: Some(member.name),
        created_at: now,
        post_count: 1,
        last_post_at: Some(now),
    })
}

pub(super) async fn add_post(app: &App, db: &Db, member: Member, topic: Uuid, post: &NewPost) -> Result<Post, Problem> {
    let post = post.check()?;
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    let inserted = store::insert_post(&mut *db.acquire().await?, id, topic, member.id, &post, now).await;
    inserted
        .map_err(|error| if constraint(&error) == Some("posts_topic_id_fkey") { no_topic() } else { error.into() })?;
    Ok(Post { id, topic_id: topic, author: member.name, body: post.body, created_at: now })
}

fn no_topic() -> Problem {
    Problem::not_found("topic_not_found", "There is no such topic.")
}
