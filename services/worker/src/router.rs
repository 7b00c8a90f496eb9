//! The routes of worker: all of them, in one list.

use crate::{app::App, budgets, history, jobs, outboxes, queues, rates, schedules};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(jobs::routes::list))
        .routes(routes!(jobs::routes::get))
        .routes(routes!(jobs::routes::log))
        .routes(routes!(jobs::control::retry))
        .routes(routes!(jobs::control::cancel))
        .routes(routes!(jobs::routes::waiting))
        .routes(routes!(rates::routes::list))
        .routes(routes!(rates::routes::get, rates::routes::set, rates::routes::delete))
        .routes(routes!(budgets::routes::list))
        .routes(routes!(budgets::routes::get, budgets::routes::set))
        .routes(routes!(schedules::routes::list, schedules::routes::create))
        .routes(routes!(schedules::routes::get, schedules::routes::edit, schedules::routes::delete))
        .routes(routes!(queues::routes::list))
        .routes(routes!(queues::routes::get))
        .routes(routes!(queues::routes::peek))
        .routes(routes!(queues::routes::pause))
        .routes(routes!(queues::routes::resume))
        .routes(routes!(queues::dead::list))
        .routes(routes!(queues::dead::groups))
        .routes(routes!(queues::dead::get, queues::mending::delete))
        .routes(routes!(queues::mending::edit))
        .routes(routes!(queues::mending::redrive_one))
        .routes(routes!(queues::mending::redrive))
        .routes(routes!(queues::actions::routes::list))
        .routes(routes!(outboxes::routes::list))
        .routes(routes!(outboxes::routes::parked))
        .routes(routes!(outboxes::routes::release))
        .routes(routes!(outboxes::routes::discard))
        .routes(routes!(history::routes::list))
        .routes(routes!(jobs::routes::progress))
}
