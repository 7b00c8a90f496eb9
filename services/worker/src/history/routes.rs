//! The endpoint with which operators look for what happened.

use super::{
    model,
    store::{self, HistoryEntry, Wanted},
};
use crate::{
    app::App,
    queues::rights::{MayReadPayloads, Reader, shown},
};
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use common::{
    http::Query,
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::privacy;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// Longest text that is looked for, in bytes.
const LONGEST_TEXT: usize = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryFilter {
    /// Only messages of this tenant.
    tenant_id: Option<Uuid>,
    /// Only messages of this type.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "auth.tenant.created.v1")]
    kind: Option<String>,
    /// Only the message of this id.
    id: Option<Uuid>,
    /// Only messages of this trace: 32 hexadecimal digits, the second part of a `traceparent`.
    #[param(example = "0af7651916cd43dd8448eb211c80319c")]
    trace_id: Option<String>,
    /// Only messages that order this job or tell its end.
    job_id: Option<Uuid>,
    /// Only messages since then.
    since: Option<DateTime<Utc>>,
    /// Only messages before then.
    until: Option<DateTime<Utc>>,
    /// Only messages with all of these words, in whatever case: ids, names of services, hosts.
    text: Option<String>,
}

#[utoipa::path(get, path = "/v1/history", operation_id = "listHistory", tag = "history",
    params(HistoryFilter, PageQuery), responses((status = 200, body = Page<HistoryEntry>),
        (status = 422, description = "`search_too_wide`, or `invalid`")),
    security(("bearer" = ["worker.readQueues"])))]
pub async fn list(
    State(app): State<App>,
    caller: Reader,
    may_read: MayReadPayloads,
    Query(filter): Query<HistoryFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<HistoryEntry>, Problem> {
    let (request, wanted) = (page.check()?, filter.check()?);
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let mut entries = store::page(&mut tx, &wanted, request).await.map_err(refused)?;
    for entry in &mut entries {
        let data = entry.data.take();
        entry.data = data.and_then(|data| privacy::redact(&entry.kind, &data, shown(&may_read)));
    }
    Ok(Page::cut(entries, request, |entry| entry.id))
}

/// How a search is refused that would take the database for too long.
pub fn refused(error: sqlx::Error) -> Problem {
    if !store::is_cut(&error) {
        return error.into();
    }
    let detail = "The search would take too long. Give a tenant, a shorter time, or rarer words.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "search_too_wide", detail)
}

/// The words of a text that is looked for; 422 if it is long.
pub fn words(text: Option<String>) -> Result<Vec<String>, Problem> {
    let text = text.unwrap_or_default();
    if text.len() > LONGEST_TEXT {
        let message = format!("must have at most {LONGEST_TEXT} bytes");
        return Err(FieldError::new("text", "too_long", message).into());
    }
    Ok(model::sought(&text))
}

impl HistoryFilter {
    fn check(self) -> Result<Wanted, Problem> {
        let Self { tenant_id: tenant, kind, id, trace_id, job_id: job, since, until, text } = self;
        let trace_id = trace_id.map(|trace| trace.to_lowercase());
        Ok(Wanted { tenant, kind, id, trace_id, job, since, until, words: words(text)? })
    }
}
