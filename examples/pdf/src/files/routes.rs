//! Endpoints of files.

use super::{
    model::{self, NewFile, UPLOAD_WITHIN},
    store::{self, File},
};
use crate::{
    app::App,
    caller::{Caller, ReadFiles, WriteFiles},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::Problem,
};
use product_kit::{Db, Objects};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A new file, and the request by which its bytes are uploaded.
#[derive(Serialize, ToSchema)]
pub struct FileWithUpload {
    #[serde(flatten)]
    pub file: File,
    pub upload: Upload,
}

#[derive(Serialize, ToSchema)]
pub struct Upload {
    #[schema(example = "PUT")]
    pub method: &'static str,
    /// Whoever has it may upload the file, without a token.
    #[schema(format = "uri")]
    pub url: String,
    /// The upload must begin before.
    pub expires_at: DateTime<Utc>,
}

#[utoipa::path(post, path = "/v1/files", operation_id = "addFile", tag = "files", request_body = NewFile,
    security(("bearer" = ["pdf.writeFiles"])),
    responses((status = 201, description = "The file, and where its bytes go.", body = FileWithUpload),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`"),
        (status = 409, description = "`files_full`")))]
pub async fn add(
    State(app): State<App>,
    _: Caller<WriteFiles>,
    db: Db,
    objects: Objects,
    Json(file): Json<NewFile>,
) -> Result<(StatusCode, Json<FileWithUpload>), Problem> {
    let file = file.check()?;
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    let url = objects.presign_put(&model::key(id)?, UPLOAD_WITHIN, file.bytes).await?;
    if !store::insert(&mut *db.acquire().await?, id, &file, now).await? {
        return Err(Problem::conflict("files_full", "There are 20,000 files already: delete some first."));
    }
    let upload = Upload { method: "PUT", url: url.into(), expires_at: now + UPLOAD_WITHIN };
    let bytes = file.bytes.cast_signed();
    let file = File { id, name: file.name, bytes, created_at: now, extraction: None };
    Ok((StatusCode::CREATED, Json(FileWithUpload { file, upload })))
}

#[utoipa::path(get, path = "/v1/files", operation_id = "listFiles", tag = "files", params(PageQuery),
    security(("bearer" = ["pdf.readFiles"])),
    responses((status = 200, description = "A page of files, newest first.", body = Page<File>),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`")))]
pub async fn list(_: Caller<ReadFiles>, db: Db, Query(query): Query<PageQuery>) -> Result<Page<File>, Problem> {
    files(&db, &query).await
}

#[utoipa::path(get, path = "/v1/files/{id}", operation_id = "getFile", tag = "files", params(("id" = Uuid, Path)),
    security(("bearer" = ["pdf.readFiles"])),
    responses((status = 200, description = "The file.", body = File),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`"),
        (status = 404, description = "`file_not_found`")))]
pub async fn get(_: Caller<ReadFiles>, db: Db, Path(id): Path<Uuid>) -> Result<Json<File>, Problem> {
    file(&db, id).await.map(Json)
}

#[utoipa::path(delete, path = "/v1/files/{id}", operation_id = "deleteFile", tag = "files",
    params(("id" = Uuid, Path)), security(("bearer" = ["pdf.writeFiles"])),
    responses((status = 204, description = "The file is gone, and what was read of it."),
        (status = 403, description = "`permission_missing`, or `wrong_tenant`"),
        (status = 404, description = "`file_not_found`")))]
pub async fn delete(
    _: Caller<WriteFiles>,
    db: Db,
    objects: Objects,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    delete_file(&db, &objects, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn files(db: &Db, query: &PageQuery) -> Result<Page<File>, Problem> {
    let request = query.check()?;
    let files = store::files(&mut *db.acquire().await?, request).await?;
    Ok(Page::cut(files, request, |file| file.id))
}

pub async fn file(db: &Db, id: Uuid) -> Result<File, Problem> {
    let file = store::file(&mut *db.acquire().await?, id).await?;
    file.ok_or_else(|| Problem::not_found("file_not_found", "There is no such file."))
}

/// The bytes first: while the bucket is away, nothing is deleted, and what is half deleted can be deleted again.
pub async fn delete_file(db: &Db, objects: &Objects, id: Uuid) -> Result<(), Problem> {
    file(db, id).await?;
    objects.delete(&model::key(id)?).await?;
    Ok(store::delete(&mut *db.acquire().await?, id).await?)
}
