//! Who did what to which queue, outbox and message: written down before it is done, and with its end afterwards.

pub mod routes;
pub mod store;

use super::rights::{Mender, refused};
use crate::app::App;
use common::problem::{Chain, Problem};
use contracts::topology;
use messaging::console::ConsoleError;
use serde::{Deserialize, Serialize};
use store::Ended;
use tracing::Instrument;
use utoipa::ToSchema;
use uuid::Uuid;

/// What was done to a queue, to dead letters of it, or to a parked message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Action {
    Pause,
    Resume,
    Edit,
    Redrive,
    Release,
    Delete,
}

/// What somebody is about to do.
#[derive(Debug)]
pub struct Act {
    pub action: Action,
    /// A queue, or `outbox/<service>`.
    pub queue: String,
    /// SQS's ids of the dead letters that were asked for, or the parked message's.
    pub letters: Vec<String>,
    pub fingerprint: Option<String>,
    /// JSON pointers to what an edit changes.
    pub places: Vec<String>,
}

impl Act {
    pub fn on(action: Action, queue: &str) -> Result<Self, Problem> {
        let known = topology::queue(queue).ok_or_else(|| refused(ConsoleError::Unknown(queue.to_owned())))?;
        Ok(Self::at(action, known.name.to_owned()))
    }

    pub fn to(action: Action, queue: &str, letter: &str) -> Result<Self, Problem> {
        Ok(Self { letters: vec![letter.to_owned()], ..Self::on(action, queue)? })
    }

    pub fn to_parked(action: Action, service: &str, message: Uuid) -> Self {
        Self { letters: vec![message.to_string()], ..Self::at(action, format!("outbox/{service}")) }
    }

    fn at(action: Action, queue: String) -> Self {
        Self { action, queue, letters: Vec::new(), fingerprint: None, places: Vec::new() }
    }
}

/// What came of an action, and to which messages it was done, also if it failed in the middle.
pub struct Acted<T> {
    pub outcome: Result<T, Problem>,
    pub messages: Vec<String>,
}

impl<T> From<Result<(T, Vec<String>), ConsoleError>> for Acted<T> {
    fn from(acted: Result<(T, Vec<String>), ConsoleError>) -> Self {
        match acted {
            Ok((made, messages)) => Self { outcome: Ok(made), messages },
            Err(error) => Self { outcome: Err(refused(error)), messages: Vec::new() },
        }
    }
}

/// Does it, and gives what it made. A caller who leaves in the middle stops nothing.
pub async fn recorded<T: Send + 'static, A: Into<Acted<T>>>(
    app: &App,
    caller: Mender,
    act: Act,
    work: impl Future<Output = A> + Send + 'static,
) -> Result<T, Problem> {
    let id = app.ambient.uuid();
    let mut tx = caller.begin_across_tenants(&app.db).await?;
    store::begin(&mut tx, id, &act, &caller.principal.to_string()).await?;
    tx.commit().await?;
    let app = app.clone();
    let working = async move {
        let Acted { outcome, messages } = work.await.into();
        let ended = if outcome.is_ok() { Ended::Done } else { Ended::Failed };
        let noted = async {
            let mut tx = caller.begin_across_tenants(&app.db).await?;
            store::end(&mut tx, id, ended, &messages).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::error!(action = %id, error = %Chain(&error), "How an operator's action ended is not written down");
        }
        outcome
    };
    tokio::spawn(working.in_current_span()).await.map_err(|error| Problem::internal(&error))?
}
