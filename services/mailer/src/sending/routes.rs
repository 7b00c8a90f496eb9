//! Endpoint of the state of sending, for operators.

use super::store::{self, Sending};
use crate::{app::App, mails::routes::ReadMessages};
use access::Allowed;
use axum::extract::State;
use common::{http::Json, problem::Problem};

#[utoipa::path(get, path = "/v1/sending", operation_id = "getSending", tag = "messages",
    responses((status = 200, body = Sending)), security(("bearer" = ["mailer.readMessages"])))]
pub async fn get(State(app): State<App>, caller: Allowed<ReadMessages>) -> Result<Json<Sending>, Problem> {
    Ok(Json(store::get(&mut caller.begin_across_tenants(&app.db).await?).await?))
}
