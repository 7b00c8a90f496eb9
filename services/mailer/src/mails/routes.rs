//! Endpoints of the ledger, for operators: mails of every tenant, and those of none.

use super::{
    content,
    model::{self, Mail, Status},
    queue_store,
    store::{self, Enqueued, NewEntry},
};
use crate::app::App;
use access::{Allowed, permissions};
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use common::{
    db::Scoped,
    http::{Json, Path, Query},
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use contracts::messages::SendMail;
use idempotency::Creating;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

permissions! {
    pub ReadMessages = platform "mailer.readMessages",
    pub SendMessages = platform "mailer.sendMessages",
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only mails to this address.
    recipient: Option<String>,
    /// Only mails that have come so far.
    status: Option<Status>,
}

#[utoipa::path(get, path = "/v1/messages", operation_id = "listMessages", tag = "messages", params(Filter, PageQuery),
    responses((status = 200, body = Page<Mail>)), security(("bearer" = ["mailer.readMessages"])))]
pub async fn list(
    State(app): State<App>,
    caller: Allowed<ReadMessages>,
    Query(filter): Query<Filter>,
    Query(page): Query<PageQuery>,
) -> Result<Page<Mail>, Problem> {
    let request = page.check()?;
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let mails = store::list(&mut tx, filter.recipient.as_deref(), filter.status, request).await?;
    Ok(Page::cut(mails, request, |mail| mail.id))
}

#[utoipa::path(get, path = "/v1/messages/{id}", operation_id = "getMessage", tag = "messages",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Mail),
        (status = 404, description = "`message_not_found`")), security(("bearer" = ["mailer.readMessages"])))]
pub async fn get(
    State(app): State<App>,
    caller: Allowed<ReadMessages>,
    Path(id): Path<Uuid>,
) -> Result<Json<Mail>, Problem> {
    let message = store::get(&mut caller.begin_across_tenants(&app.db).await?, id).await?;
    message.map(Json).ok_or_else(no_such_mail)
}

/// A mail to be sent, once for each key.
#[derive(Deserialize, ToSchema)]
pub struct NewMail {
    /// Idempotency key, 1 to 200 characters: the same key is the same mail.
    #[schema(example = "outage-2026-11-21:ada")]
    key: String,
    #[schema(example = "notice")]
    template: String,
    #[schema(example = "success@simulator.amazonses.com")]
    recipient: String,
    #[schema(value_type = Object, example = json!({"title": "Hello", "text": "It works."}))]
    variables: Map<String, Value>,
}

#[utoipa::path(post, path = "/v1/messages", operation_id = "sendMessage", tag = "messages", request_body = NewMail,
    responses((status = 202, body = Mail, headers(("Location" = String))),
        (status = 409, description = "`key_reused`: another mail has this key.")),
        security(("bearer" = ["mailer.sendMessages"])))]
pub async fn send(
    State(app): State<App>,
    caller: Allowed<SendMessages>,
    Creating(Json(new), mut once): Creating<Json<NewMail>>,
) -> Result<Response, Problem> {
    let mail = model::read(&new.template, new.variables).map_err(|error| {
        let mut errors = model::faults(&new.key, &new.recipient);
        errors.push(error);
        Problem::invalid(errors)
    })?;
    let order = SendMail { key: new.key, recipient: new.recipient, mail, expires_at: None };
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    let own = tx.narrow(caller.tenant).await?;
    if let Some(earlier) = once.begin(own, &caller).await? {
        return Ok(earlier);
    }
    let id = enqueue(&app, own, &order).await?.map_err(Refusal::into_problem)?;
    let message = store::get(own, id).await?.ok_or_else(no_such_mail)?;
    let location = [(header::LOCATION, format!("/v1/messages/{id}"))];
    let answer = once.remember(own, (StatusCode::ACCEPTED, location, Json(message))).await?;
    tx.commit().await?;
    Ok(answer)
}

/// How a mail is to be sent again.
#[derive(Deserialize, ToSchema)]
pub struct Resend {
    /// Must be true for a mail that is `unknown`, which may have left.
    may_arrive_twice: bool,
}

#[utoipa::path(post, path = "/v1/messages/{id}/resend", operation_id = "resendMessage", tag = "messages",
    params(("id" = Uuid, Path)),
    request_body = Resend, security(("bearer" = ["mailer.sendMessages"])),
    responses((status = 202, body = Mail), (status = 409, description = "`content_gone`, `may_have_left` or \
        `not_resendable`"),
        (status = 404, description = "`message_not_found`")))]
pub async fn resend(
    State(app): State<App>,
    caller: Allowed<SendMessages>,
    Path(id): Path<Uuid>,
    Creating(Json(request), mut once): Creating<Json<Resend>>,
) -> Result<Response, Problem> {
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    if let Some(earlier) = once.begin(&mut tx, &caller).await? {
        return Ok(earlier);
    }
    let queued = queue_store::resend(&mut tx, id, request.may_arrive_twice).await?;
    let message = store::get(&mut tx, id).await?.ok_or_else(no_such_mail)?;
    if !queued {
        return Err(not_resent(message.status, store::has_content(&mut tx, id).await?));
    }
    let answer = once.remember(&mut tx, (StatusCode::ACCEPTED, Json(message))).await?;
    tx.commit().await?;
    tracing::info!(by = %caller.principal, message_id = %id, may_arrive_twice = request.may_arrive_twice,
        "A mail is sent again");
    Ok(answer)
}

fn not_resent(status: Status, has_content: bool) -> Problem {
    match status {
        Status::Unknown if has_content => {
            Problem::conflict("may_have_left", "SES may have sent this mail: say that it may arrive twice.")
        }
        Status::Sending | Status::Sent | Status::Delivered | Status::Bounced | Status::Complained => {
            Problem::conflict("not_resendable", "This mail has left, or is about to.")
        }
        _ => Problem::conflict("content_gone", "The time of this mail is over, and its content is forgotten."),
    }
}

fn no_such_mail() -> Problem {
    Problem::not_found("message_not_found", "There is no such mail.")
}

/// Why a mail is not taken.
#[derive(Debug)]
pub enum Refusal {
    Fields(Vec<FieldError>),
    KeyReused,
}

impl Refusal {
    fn into_problem(self) -> Problem {
        match self {
            Self::Fields(errors) => Problem::invalid(errors),
            Self::KeyReused => Problem::conflict("key_reused", "Another mail was already sent under this key."),
        }
    }

    /// For the people who look at the dead-letter queue.
    pub fn reason(&self) -> String {
        match self {
            Self::Fields(errors) => {
                errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
            }
            Self::KeyReused => "another mail was already sent under this key".into(),
        }
    }
}

/// Takes a mail into the ledger, or says why not; gives the id of the mail, also if it was there before.
pub async fn enqueue(app: &App, tx: &mut impl Scoped, order: &SendMail) -> sqlx::Result<Result<Uuid, Refusal>> {
    let subject = match check(app, order) {
        Ok(subject) => subject,
        Err(errors) => return Ok(Err(Refusal::Fields(errors))),
    };
    let content = json!([order.recipient, order.mail]).to_string();
    let hash = digest(&SHA256, content.as_bytes());
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    let give_up_at = model::give_up_at(now, order);
    let content_sealed = content::seal(&app.sealer, &app.ambient, id, &order.mail);
    let (content_hash, content_sealed) = (hash.as_ref(), content_sealed.as_slice());
    let new = NewEntry { id, order, content_hash, content_sealed, subject: &subject, now, give_up_at };
    Ok(match store::enqueue(tx, new).await? {
        Enqueued::New => Ok(id),
        Enqueued::Repeated(earlier) => Ok(earlier),
        Enqueued::KeyReused => Err(Refusal::KeyReused),
    })
}

/// The subject, if the mail can be rendered.
fn check(app: &App, order: &SendMail) -> Result<String, Vec<FieldError>> {
    let mut errors = model::faults(&order.key, &order.recipient);
    match app.templates.render(&order.mail) {
        Ok(rendered) if errors.is_empty() => return Ok(rendered.subject),
        Ok(_) => {}
        Err(error) => errors.push(FieldError::new("variables", "invalid", error.to_string())),
    }
    Err(errors)
}
