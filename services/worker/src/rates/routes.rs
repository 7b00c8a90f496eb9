//! Endpoints of rates, for operators.

use super::store::{self, Row};
use crate::{
    app::App,
    jobs::routes::{ReadJobs, WriteJobs},
};
use access::Allowed;
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    db::CrossTenantTx,
    http::{ETag, IfMatch, Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Longest name of a kind, in bytes.
const LONGEST_KIND: usize = 100;
/// A rate higher than this is none.
const MOST_JOBS: u32 = 1_000_000;
/// A day; what is to be rarer is a schedule.
const MOST_SECONDS: u32 = 86_400;

/// So many jobs of a kind may be begun for one tenant in so many seconds, evenly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rate {
    /// Tells its place in the list; absent for a rate that nobody has set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    #[schema(example = "instance.seed")]
    pub kind: String,
    /// Absent for the rate of each tenant that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// Absent means as many as there are.
    #[schema(example = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<i32>,
    #[schema(example = 60)]
    pub seconds: i32,
    /// Goes up at each edit; 0 for a rate that nobody has set.
    pub revision: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
}

impl From<Row> for Rate {
    fn from(row: Row) -> Self {
        let Row { id, kind, tenant_id, jobs, seconds, revision, updated_at, updated_by } = row;
        let (updated_at, updated_by) = (Some(updated_at), Some(updated_by));
        Self { id: Some(id), kind, tenant_id, jobs, seconds, revision, updated_at, updated_by }
    }
}

impl Rate {
    fn unset(kind: String, tenant_id: Option<Uuid>) -> Self {
        Self { id: None, kind, tenant_id, jobs: None, seconds: 1, revision: 0, updated_at: None, updated_by: None }
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RateBody {
    /// 1 to 1,000,000; absent means as many as there are.
    #[schema(example = 10, minimum = 1, maximum = 1_000_000)]
    pub jobs: Option<u32>,
    /// In how many seconds, 1 to 86,400.
    #[schema(example = 60, minimum = 1, maximum = 86_400)]
    pub seconds: u32,
}

impl RateBody {
    fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if self.jobs.is_some_and(|jobs| !(1..=MOST_JOBS).contains(&jobs)) {
            errors.push(FieldError::new("jobs", "out_of_range", format!("must be 1 to {MOST_JOBS}")));
        }
        if !(1..=MOST_SECONDS).contains(&self.seconds) {
            errors.push(FieldError::new("seconds", "out_of_range", format!("must be 1 to {MOST_SECONDS}")));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// The rate of this tenant; without it, that of each tenant that has none of its own.
    tenant_id: Option<Uuid>,
}

#[utoipa::path(get, path = "/v1/rates", operation_id = "listRates", tag = "limits", params(PageQuery),
    responses((status = 200, body = Page<Rate>)), security(("bearer" = ["worker.readJobs"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Rate>, Problem> {
    let request = page.check()?;
    let rows = store::page(&mut caller.begin_across_tenants(&app.db).await?, request).await?;
    let rates = rows.into_iter().map(Rate::from).collect();
    Ok(Page::cut(rates, request, |rate: &Rate| rate.id.unwrap_or_default()))
}

#[utoipa::path(get, path = "/v1/rates/{kind}", operation_id = "getRate", tag = "limits",
    params(("kind" = String, Path, example = "instance.seed"), Whose),
    responses((status = 200, body = Rate, headers(("ETag" = String)))),
    security(("bearer" = ["worker.readJobs"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<(ETag, Json<Rate>), Problem> {
    let rate = find(&mut caller.begin_across_tenants(&app.db).await?, kind, whose).await?;
    Ok((ETag(rate.revision), Json(rate)))
}

#[utoipa::path(put, path = "/v1/rates/{kind}", operation_id = "setRate", tag = "limits", request_body = RateBody,
    params(("kind" = String, Path, example = "instance.seed"), Whose,
        ("If-Match" = String, Header, description = "The `ETag` of what was read, or `*`.")),
    responses((status = 200, body = Rate, headers(("ETag" = String))),
        (status = 412, description = "`rate_edited`: somebody else has set it since it was read."),
        (status = 428, description = "`if_match_missing`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn set(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
    read: IfMatch,
    Json(body): Json<RateBody>,
) -> Result<(ETag, Json<Rate>), Problem> {
    body.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rate = find(&mut tx, kind, whose).await?;
    read.check(rate.revision, "rate_edited")?;
    let set = store::set(&mut tx, &rate, &body, &caller.principal.to_string()).await?;
    // Two who set it for the first time meet here.
    let set = Rate::from(set.ok_or_else(edited)?);
    tx.commit().await?;
    tracing::info!(kind = set.kind, jobs = set.jobs, seconds = set.seconds, "A rate of jobs is set");
    Ok((ETag(set.revision), Json(set)))
}

#[utoipa::path(delete, path = "/v1/rates/{kind}", operation_id = "deleteRate", tag = "limits",
    params(("kind" = String, Path, example = "instance.seed"), Whose),
    responses((status = 204), (status = 404, description = "`rate_not_found`")),
    security(("bearer" = ["worker.writeJobs"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Allowed<WriteJobs>,
    Path(kind): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<StatusCode, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let rate = find(&mut tx, kind, whose).await?;
    if rate.id.is_none() {
        return Err(Problem::not_found("rate_not_found", "Nobody has set such a rate."));
    }
    store::delete(&mut tx, &rate).await?;
    tx.commit().await?;
    tracing::info!(kind = rate.kind, "A rate of jobs is no more");
    Ok(StatusCode::NO_CONTENT)
}

async fn find(tx: &mut CrossTenantTx, kind: String, Whose { tenant_id }: Whose) -> Result<Rate, Problem> {
    check_kind(&kind)?;
    let row = store::get(tx, &kind, tenant_id).await?;
    Ok(row.map_or_else(|| Rate::unset(kind, tenant_id), Rate::from))
}

/// A kind as it could be: of letters, digits, `.`, `-` and `_`.
pub(crate) fn check_kind(kind: &str) -> Result<(), Problem> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if (1..=LONGEST_KIND).contains(&kind.len()) && kind.bytes().all(plain) {
        return Ok(());
    }
    Err(Problem::invalid(vec![FieldError::new("kind", "malformed", "must be letters, digits, '.', '-' and '_'")]))
}

fn edited() -> Problem {
    let detail = "Somebody else has set it since. Read it again, and make your change from there.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "rate_edited", detail)
}
