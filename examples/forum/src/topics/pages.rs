//! Pages of topics and posts, for browsers.

use super::{
    model::{NewPost, NewTopic},
    routes,
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
use uuid::Uuid;

pub async fn home(visit: Visit, db: Db, OrPage(Query(query)): OrPage<Query<PageQuery>>) -> PageResult {
    let page = routes::topics(&db, &query).await?;
    visit.page(
        "home.html",
        context! { welcome => &*visit.welcome, page => Serde(&page), first => query.cursor.is_none() },
    )
}

pub async fn topic(
    visit: Visit,
    db: Db,
    OrPage(Path(id)): OrPage<Path<Uuid>>,
    OrPage(Query(query)): OrPage<Query<PageQuery>>,
) -> PageResult {
    let topic = routes::topic_with_posts(&db, id, &query).await?;
    visit.page("topic.html", context! { topic => Serde(&topic) })
}

pub async fn topic_form(_: OrPage<SignedIn>, visit: Visit) -> PageResult {
    visit.page("new_topic.html", context! {})
}

pub async fn add(
    State(app): State<App>,
    OrPage(SignedIn(member)): OrPage<SignedIn>,
    visit: Visit,
    db: Db,
    Form(form): Form<NewTopic>,
) -> PageResult {
    match routes::add_topic(&app, &db, member, &form).await {
        Ok(topic) => Ok(Redirect::to(&format!("/topics/{}", topic.id)).into_response()),
        Err(problem) => {
            visit.page_again("new_topic.html", problem, context! { title => form.title, body => form.body })
        }
    }
}

pub async fn reply(
    State(app): State<App>,
    OrPage(SignedIn(member)): OrPage<SignedIn>,
    visit: Visit,
    db: Db,
    OrPage(Path(id)): OrPage<Path<Uuid>>,
    Form(form): Form<NewPost>,
) -> PageResult {
    match routes::add_post(&app, &db, member, id, &form).await {
        Ok(post) => Ok(Redirect::to(&format!("/topics/{id}#{}", post.id)).into_response()),
        Err(problem) => {
            let topic = routes::topic_with_posts(&db, id, &PageQuery::default()).await?;
            visit.page_again("topic.html", problem, context! { topic => Serde(&topic), body => form.body })
        }
    }
}
