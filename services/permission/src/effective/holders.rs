//! Holders of a permission: everybody who was granted anything is looked at, page by page, to the last.

use super::store;
use crate::{app::App, grants::ReadGrants};
use access::Allowed;
use axum::extract::State;
use common::{
    http::{Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Principals read at once.
const BATCH: i64 = 200;
/// After so many principals a page ends, maybe with few items or none, and its cursor leads on: a request must not take
/// for ever.
const MOST_BATCHES: usize = 10;

#[derive(Debug, Serialize, ToSchema)]
pub struct Holder {
    #[schema(example = "user:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub principal: String,
}

#[utoipa::path(get, path = "/v1/permissions/{name}/holders", operation_id = "listHolders", tag = "checks",
    params(("name" = String, Path, description = "A registered permission."), PageQuery),
    responses((status = 200, body = Page<Holder>),
        (status = 404, description = "`permission_not_found`")), security(("bearer" = ["permission.readGrants"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadGrants>,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Holder>, Problem> {
    let request = page.check::<String>()?;
    let mut tx = caller.begin(&app.db).await?;
    let context = store::context(&mut tx).await?;
    context
        .find(&name)
        .ok_or_else(|| Problem::not_found("permission_not_found", format!("{name} is not a registered permission.")))?;
    let (mut after, mut items, now) = (request.after, Vec::new(), app.ambient.now());
    for _ in 0..MOST_BATCHES {
        let candidates = store::candidates(&mut tx, &after, BATCH).await?;
        let mut grants = store::grants(&mut tx, &candidates).await?;
        let last_batch = (candidates.len() as i64) < BATCH;
        for (index, principal) in candidates.iter().enumerate() {
            after.clone_from(principal);
            if context.entitlements(grants.remove(principal).unwrap_or_default()).at(now).permissions.contains(&name) {
                items.push(Holder { principal: principal.clone() });
            }
            if items.len() == request.limit as usize {
                let more = !last_batch || index + 1 < candidates.len();
                return Ok(Page::up_to(items, more.then_some(after)));
            }
        }
        if last_batch {
            return Ok(Page::up_to(items, None::<String>));
        }
    }
    Ok(Page::up_to(items, Some(after)))
}
