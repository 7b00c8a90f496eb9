//! Endpoints that mend: dead letters are edited, sent back to their queue, deleted.

use super::{
    actions::{self, Act, Acted, Action},
    patch,
    rights::{MayReadPayloads, Mender, no_such_letter, refused, shown},
    view::{QueueMessage, carries_envelopes},
};
use crate::app::App;
use axum::{extract::State, http::StatusCode};
use common::{
    http::{Json, Path},
    problem::{FieldError, Problem},
};
use messaging::{console::Letter, console::dead::MOST_SEEN, schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use utoipa::ToSchema;

/// What a dead letter's data become.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DeadLetterEdit {
    /// JSON Merge Patch (RFC 7396): names what is to be changed; `null` removes a field.
    #[schema(value_type = Object, example = json!({ "owner_email": "ada@acme.example" }))]
    data: Value,
}

/// Which dead letters are sent back: those of `ids`, those of one `fingerprint`, or `all`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Redrive {
    /// SQS's ids, 1 to 1,000.
    #[schema(max_items = 1000)]
    ids: Option<Vec<String>>,
    #[schema(example = "92f792fe75a4")]
    fingerprint: Option<String>,
    all: Option<bool>,
}

/// What was sent back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redriven {
    /// SQS's ids of the dead letters that are in their queue again.
    pub ids: Vec<String>,
    /// Those of the request that were not there.
    pub missing: Vec<String>,
    /// There may be more dead letters of those that were asked for: ask again.
    pub more: bool,
}

#[utoipa::path(post, path = "/v1/queues/{queue}/dead-letters/{id}/edit", operation_id = "editDeadLetter",
    tag = "queues", params(("queue" = String, Path, example = "billing"), ("id" = String, Path)),
    responses((status = 200, body = QueueMessage),
        (status = 404, description = "`queue_not_found`, or `dead_letter_not_found`"),
        (status = 409, description = "`too_many_dead_letters`: it was not among those that one request goes through. \
            `dead_letter_not_understood`: its body is no message of ours."),
        (status = 422, description = "`invalid`: the edited data do not fit the schema of the message. \
            `message_refused`: SQS takes no such message.")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn edit(
    State(app): State<App>,
    caller: Mender,
    may_read: MayReadPayloads,
    Path((queue, id)): Path<(String, String)>,
    Json(edit): Json<DeadLetterEdit>,
) -> Result<Json<QueueMessage>, Problem> {
    let letter = app.console.dead_letter(&queue, &id).await.map_err(refused)?.ok_or_else(no_such_letter)?;
    let act = Act { places: patch::places(&edit.data), ..Act::to(Action::Edit, &queue, &id)? };
    let body = edited(&queue, &letter, edit)?;
    let (console, name) = (app.console.clone(), queue.clone());
    let edited = actions::recorded(&app, caller, act, async move {
        let copy = console.edit_dead_letter(&name, &letter.id, &body).await?;
        let edited = copy.map(|id| Letter { id, body, receives: 0, ..letter });
        let messages = edited.iter().map(name_of).collect();
        Ok((edited, messages))
    });
    let edited = edited.await?.ok_or_else(no_such_letter)?;
    Ok(Json(QueueMessage::of(&queue, edited, shown(&may_read))))
}

#[utoipa::path(post, path = "/v1/queues/{queue}/dead-letters/{id}/redrive", operation_id = "redriveDeadLetter",
    tag = "queues", params(("queue" = String, Path, example = "billing"), ("id" = String, Path)),
    responses((status = 204),
        (status = 404, description = "`queue_not_found`, or `dead_letter_not_found`"),
        (status = 409, description = "`too_many_dead_letters`: it was not among those that one request goes through."),
        (status = 422, description = "`message_refused`: SQS does not take it.")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn redrive_one(
    State(app): State<App>,
    caller: Mender,
    Path((queue, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (console, act) = (app.console.clone(), Act::to(Action::Redrive, &queue, &id)?);
    let sent = actions::recorded(&app, caller, act, async move {
        let sent = console.redrive_one(&queue, &id).await?;
        let messages = sent.iter().map(name_of).collect();
        Ok((sent, messages))
    });
    sent.await?.ok_or_else(no_such_letter).map(|_| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/v1/queues/{queue}/redrive", operation_id = "redriveDeadLetters", tag = "queues",
    params(("queue" = String, Path, example = "billing")),
    responses((status = 200, body = Redriven),
        (status = 404, description = "`queue_not_found`, or `dead_letter_not_found`: there is none of those \
            that were asked for."),
        (status = 422, description = "`invalid`. `message_refused`: SQS does not take one of them; others may be back \
            already, as the list of actions says.")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn redrive(
    State(app): State<App>,
    caller: Mender,
    Path(queue): Path<String>,
    Json(wanted): Json<Redrive>,
) -> Result<Json<Redriven>, Problem> {
    wanted.check()?;
    let Redrive { ids, fingerprint, all } = wanted;
    let act = Act::on(Action::Redrive, &queue)?;
    let act = Act { letters: ids.clone().unwrap_or_default(), fingerprint: fingerprint.clone(), ..act };
    let (console, asked) = (app.console.clone(), ids.unwrap_or_default().into_iter().collect::<HashSet<_>>());
    let mut missing = asked.clone();
    let sent = actions::recorded(&app, caller, act, async move {
        let chosen = |letter: &Letter| {
            all == Some(true) || asked.contains(&letter.id) || fingerprint.as_ref() == Some(&letter.fingerprint)
        };
        match console.redrive(&queue, chosen).await {
            Ok(mut sent) => {
                let messages = sent.letters.iter().map(name_of).collect();
                let fault = sent.fault.take().map(refused);
                Acted { outcome: fault.map_or(Ok(sent), Err), messages }
            }
            Err(error) => Err(error).into(),
        }
    });
    let sent = sent.await?;
    if sent.letters.is_empty() && !sent.more && all != Some(true) {
        return Err(no_such_letter());
    }
    let ids: Vec<_> = sent.letters.into_iter().map(|letter| letter.id).collect();
    missing.retain(|id| !ids.contains(id));
    Ok(Json(Redriven { ids, missing: missing.into_iter().collect(), more: sent.more }))
}

#[utoipa::path(delete, path = "/v1/queues/{queue}/dead-letters/{id}", operation_id = "deleteDeadLetter",
    tag = "queues", params(("queue" = String, Path, example = "billing"), ("id" = String, Path)),
    responses((status = 204),
        (status = 404, description = "`queue_not_found`, or `dead_letter_not_found`"),
        (status = 409, description = "`too_many_dead_letters`: it was not among those that one request goes through.")),
    security(("bearer" = ["worker.writeQueues"])))]
pub async fn delete(
    State(app): State<App>,
    caller: Mender,
    Path((queue, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (console, act) = (app.console.clone(), Act::to(Action::Delete, &queue, &id)?);
    let deleted = actions::recorded(&app, caller, act, async move {
        let deleted = console.delete_dead_letter(&queue, &id).await?;
        let messages = deleted.iter().map(name_of).collect();
        Ok((deleted, messages))
    });
    deleted.await?.ok_or_else(no_such_letter).map(|_| StatusCode::NO_CONTENT)
}

impl Redrive {
    fn check(&self) -> Result<(), Problem> {
        let given = [self.ids.is_some(), self.fingerprint.is_some(), self.all == Some(true)];
        if given.into_iter().filter(|given| *given).count() != 1 {
            let message = "give either ids, or a fingerprint, or all: true";
            return Err(Problem::invalid(vec![FieldError::new("", "ambiguous", message)]));
        }
        if self.ids.as_ref().is_some_and(|ids| !(1..=MOST_SEEN).contains(&ids.len())) {
            let message = format!("must have 1 to {MOST_SEEN} ids");
            return Err(Problem::invalid(vec![FieldError::new("ids", "out_of_range", message)]));
        }
        Ok(())
    }
}

/// The body with the edit, which fits its schema. Whose message it is, its id and its type stay: with another id it
/// would be another message, and could take effect a second time.
fn edited(queue: &str, letter: &Letter, edit: DeadLetterEdit) -> Result<String, Problem> {
    let unknown = || {
        let detail = "Its body is no message of ours, so there is nothing to check an edit against.";
        Problem::conflict("dead_letter_not_understood", detail)
    };
    let mut envelope = letter.envelope().filter(|_| carries_envelopes(queue)).ok_or_else(unknown)?;
    if let Some(place) = patch::hidden(&edit.data) {
        let message = "stands for something that is hidden; leave it out, and it stays as it is";
        return Err(Problem::invalid(vec![FieldError::new(format!("/data{place}"), "hidden", message)]));
    }
    patch::merge(&mut envelope.data, edit.data);
    schema::check_outgoing(&envelope).map_err(|misfit| {
        Problem::invalid(vec![FieldError::new("/data", "does_not_fit", format!("does not fit its schema: {misfit}"))])
    })?;
    serde_json::to_string(&envelope).map_err(|error| Problem::internal(&error))
}

/// How the record of what was done names a letter: by the message's id, if it has one.
fn name_of(letter: &Letter) -> String {
    letter.envelope().map_or_else(|| letter.id.clone(), |envelope| envelope.id.to_string())
}
