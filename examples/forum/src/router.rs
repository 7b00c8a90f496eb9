//! The routes of the forum: all of them, in one list.

use crate::{app::App, members, pages, platform, polls, statistics, topics};
use axum::routing::{any, get, post};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    let polls = OpenApiRouter::new()
        .route("/polls", get(polls::pages::list).post(polls::pages::add))
        .route("/polls/new", get(polls::pages::poll_form))
        .route("/polls/{id}", get(polls::pages::poll))
        .route("/polls/{id}/votes", post(polls::pages::vote))
        .routes(routes!(polls::routes::list, polls::routes::add))
        .routes(routes!(polls::routes::get))
        .routes(routes!(polls::routes::vote));
    let statistics = OpenApiRouter::new().route("/statistics", get(statistics::page)).routes(routes!(statistics::get));
    OpenApiRouter::new()
        .route("/", get(topics::pages::home))
        .route("/register", get(members::pages::registration).post(members::pages::register))
        .route("/sign-in", get(members::pages::sign_in_form).post(members::pages::sign_in))
        .route("/sign-out", post(members::pages::sign_out))
        .route("/topics", post(topics::pages::add))
        .route("/topics/new", get(topics::pages::topic_form))
        .route("/topics/{id}", get(topics::pages::topic))
        .route("/topics/{id}/posts", post(topics::pages::reply))
        .route("/style.css", get(pages::style))
        .route("/{*path}", any(pages::nothing_here))
        .routes(routes!(members::routes::register))
        .routes(routes!(members::routes::sign_in))
        .routes(routes!(topics::routes::list, topics::routes::add))
        .routes(routes!(topics::routes::get))
        .routes(routes!(topics::routes::reply))
        .routes(routes!(topics::routes::delete))
        .merge(platform::module("polls", polls))
        .merge(platform::module("statistics", statistics))
}

/// The forum has members of its own, whose tokens are not the platform's.
pub fn describe_members(document: &mut Value) {
    document["components"]["securitySchemes"]["member"] = json!({"type": "http", "scheme": "bearer",
        "description": "The `token` of this forum's own `POST /v1/sessions`."});
    let operations =
        document["paths"].as_object_mut().into_iter().flatten().filter_map(|(_, item)| item.as_object_mut()).flatten();
    for (_, operation) in operations.filter(|(_, operation)| operation["security"][0].get("member").is_some()) {
        let description = operation["description"]
            .as_str()
            .unwrap_or_default()
            .replace("**Who:** anybody, without a token.", "**Who:** a member of this forum.");
        operation["description"] = description.into();
    }
}
