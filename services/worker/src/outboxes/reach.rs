//! How an outbox is asked: the worker's own in its database, the others by their services.

use crate::app::App;
use access::client::ClientError;
use common::problem::{Chain, Problem, RETRY_AFTER_OUTAGE};
use contracts::{
    http::outbox::{DISCARD, OUTBOX, OutboxState, PARKED, ParkedMessages, ParkedQuery, RELEASE},
    roster,
};
use messaging::parked;
use service_kit::outbox::{self, Deed, NOT_PARKED, not_parked};
use uuid::Uuid;

/// The outbox of a service.
#[derive(Clone)]
pub struct Outbox {
    app: App,
    /// Whose it is.
    pub service: &'static str,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Here,
    /// Behind the base URL of its service.
    At(String),
    /// The setting is missing that says where.
    Unknown,
}

impl Outbox {
    /// Those of all services that say anything, in the order of their names.
    pub fn all(app: &App) -> Vec<Self> {
        roster::NAMES.into_iter().filter_map(|service| Self::of(app, service)).collect()
    }

    /// `None` if no service of that name says anything.
    pub fn of(app: &App, service: &str) -> Option<Self> {
        let service = roster::SERVICES.into_iter().find(|known| known.name == service && known.publishes())?;
        let place = match service {
            roster::WORKER => Place::Here,
            roster::AUTH => Place::At(app.base.auth_url.clone()),
            roster::CONFIGURATOR => Place::At(app.settings.configurator_url.clone()),
            roster::BILLING => app.settings.billing_url.clone().map_or(Place::Unknown, Place::At),
            _ => Place::Unknown,
        };
        Some(Self { app: app.clone(), service: service.name, place })
    }

    pub async fn state(&self) -> Result<OutboxState, Problem> {
        match self.url(OUTBOX)? {
            Some(url) => self.app.client.get(&url).await.map_err(|error| self.away(&error)),
            None => Ok(parked::state(&mut *self.app.db.begin_tenantless().await?).await?),
        }
    }

    pub async fn parked(&self, wanted: &ParkedQuery) -> Result<ParkedMessages, Problem> {
        let Some(url) = self.url(PARKED)? else {
            return Ok(parked::list(&mut *self.app.db.begin_tenantless().await?, wanted).await?);
        };
        self.app.client.post(&url, wanted).await.map_err(|error| self.away(&error))
    }

    /// Does it to the message of that id, which must be parked.
    pub async fn act(&self, deed: Deed, id: Uuid) -> Result<(), Problem> {
        let path = match deed {
            Deed::Release => RELEASE,
            Deed::Discard => DISCARD,
        };
        match self.url(path)? {
            Some(url) => {
                let done = self.app.client.post(&url.replace("{id}", &id.to_string()), &()).await;
                done.map_err(|error| self.away(&error))
            }
            None => outbox::act(&self.app.db, deed, id).await,
        }
    }

    /// Where its service has that path; `None` if that is the worker.
    fn url(&self, path: &str) -> Result<Option<String>, Problem> {
        match &self.place {
            Place::Here => Ok(None),
            Place::At(base) => Ok(Some(format!("{base}{path}"))),
            Place::Unknown => Err(self.unreachable()),
        }
    }

    fn away(&self, error: &ClientError) -> Problem {
        if let ClientError::Refused(problem) = error
            && problem.code == NOT_PARKED
        {
            return not_parked();
        }
        tracing::warn!(service = self.service, error = %Chain(error), "A service does not tell of its outbox");
        self.unreachable()
    }

    fn unreachable(&self) -> Problem {
        let detail = format!("The outbox of {} cannot be reached right now.", self.service);
        Problem::unavailable(RETRY_AFTER_OUTAGE, detail)
    }
}
