//! Endpoints of extractions.

use super::{
    model::NewExtractions,
    store::{self, Extraction, Ordered, PageText, State as ExtractionState},
};
use crate::{
    app::App,
    caller::{Caller, ReadFiles, WriteFiles},
    files::model::key,
};
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::{id::JobId, jobs::InputObject};
use product_kit::{Db, Instance, Order};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Of the manifest.
const COMMAND: &str = "extract";
/// What the file is called for the command, as its arguments in the manifest say.
const FILE: &str = "file.pdf";

#[derive(Serialize, ToSchema)]
pub struct Extractions {
    /// One of each file, whether it was ordered now or before.
    pub items: Vec<Extraction>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only those in this state.
    pub state: Option<ExtractionState>,
}

#[utoipa::path(post, path = "/v1/extractions", operation_id = "orderExtractions", tag = "extractions",
    request_body = NewExtractions, security(("bearer" = ["pdf.writeFiles"])),
    responses((status = 202, description = "An extraction of each file.", body = Extractions),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`")))]
pub async fn order(
    State(app): State<App>,
    _: Caller<WriteFiles>,
    instance: Instance,
    Json(wanted): Json<NewExtractions>,
) -> Result<(StatusCode, Json<Extractions>), Problem> {
    let files = wanted.check()?;
    let mut tx = instance.database.begin().await?;
    let known = store::lock_files(&mut tx, &files).await?;
    if known != files {
        return Err(wanted.unknown(&known));
    }
    let ids = || files.iter().map(|_| app.ambient.uuid()).collect::<Vec<_>>();
    let ordered = store::order(&mut tx, &files, &ids(), &ids(), app.ambient.now()).await?;
    if !ordered.is_empty() {
        let orders: Result<Vec<_>, _> = ordered.iter().map(job).collect();
        instance.order(&mut tx, &orders?).await?;
    }
    let items = store::of_files(&mut tx, &files).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Extractions { items })))
}

/// The job's id is its key: that a file is read once is seen to by the table.
fn job(Ordered { file_id, job_id }: &Ordered) -> Result<Order, Problem> {
    let name = FILE.parse().map_err(|error| Problem::internal(&error))?;
    let object = InputObject { key: key(*file_id)?, name };
    Ok(Order { objects: vec![object], ..Order::new(JobId(*job_id), COMMAND, job_id.to_string()) })
}

#[utoipa::path(get, path = "/v1/extractions", operation_id = "listExtractions", tag = "extractions",
    params(PageQuery, Filter), security(("bearer" = ["pdf.readFiles"])),
    responses((status = 200, description = "A page of extractions, newest first.", body = Page<Extraction>),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`")))]
pub async fn list(
    _: Caller<ReadFiles>,
    db: Db,
    Query(query): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Page<Extraction>, Problem> {
    let request = query.check()?;
    let extractions = store::extractions(&mut *db.acquire().await?, request, filter.state).await?;
    Ok(Page::cut(extractions, request, |extraction| extraction.id))
}

#[utoipa::path(get, path = "/v1/extractions/{id}", operation_id = "getExtraction", tag = "extractions",
    params(("id" = Uuid, Path)), security(("bearer" = ["pdf.readFiles"])),
    responses((status = 200, description = "The extraction.", body = Extraction),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`"),
        (status = 404, description = "`extraction_not_found`")))]
pub async fn get(_: Caller<ReadFiles>, db: Db, Path(id): Path<Uuid>) -> Result<Json<Extraction>, Problem> {
    let extraction = store::extraction(&mut *db.acquire().await?, id).await?;
    extraction.map(Json).ok_or_else(|| Problem::not_found("extraction_not_found", "There is no such extraction."))
}

#[utoipa::path(get, path = "/v1/extractions/{id}/pages/{number}", operation_id = "getPage", tag = "extractions",
    params(("id" = Uuid, Path), ("number" = i32, Path, description = "From 1.")),
    security(("bearer" = ["pdf.readFiles"])),
    responses((status = 200, description = "What was found on the page.", body = PageText),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`"),
        (status = 404, description = "`page_not_found`")))]
pub async fn page(
    _: Caller<ReadFiles>,
    db: Db,
    Path((id, number)): Path<(Uuid, i32)>,
) -> Result<Json<PageText>, Problem> {
    page_text(&db, id, number).await.map(Json)
}

pub async fn page_text(db: &Db, extraction: Uuid, number: i32) -> Result<PageText, Problem> {
    let page = store::page(&mut *db.acquire().await?, extraction, number).await?;
    page.ok_or_else(|| Problem::not_found("page_not_found", "Nothing was read of such a page."))
}
