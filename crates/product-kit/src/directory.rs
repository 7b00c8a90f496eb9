//! Client of the configurator's internal endpoints: which instance lives on a host?

use crate::{
    host::HostName,
    pages::{TENANT_SUSPENDED, suspension},
};
use access::client::{ClientError, PlatformClient};
use common::{
    http::no_route,
    problem::{FieldError, Problem},
};
use contracts::http::instances::{HostRecord, SetupSubmission};
use serde_json::Value;

/// Seconds until a source may try another code, if the configurator did not say.
const SOON: u32 = 60;

/// What is wrong with a form.
pub(crate) enum Wrong {
    Fields(Vec<FieldError>),
    /// Too many wrong codes came from there; seconds until there may be more.
    TooOften(u32),
}

/// The configurator's internal endpoints.
pub(crate) struct Directory {
    client: PlatformClient,
    url: String,
}

impl Directory {
    pub fn new(client: PlatformClient, configurator_url: &str) -> Self {
        Self { client, url: format!("{configurator_url}/internal/hosts") }
    }

    /// The instance on `host`; `None` where there is none.
    pub async fn look_up(&self, host: &HostName) -> Result<Option<HostRecord>, Problem> {
        match self.client.get(&format!("{}/{host}", self.url)).await {
            Ok(record) => Ok(Some(record)),
            Err(ClientError::Refused(problem)) if problem.code == TENANT_SUSPENDED => Err(suspension()),
            Err(ClientError::Refused(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Submits the setup form. The inner error is what is wrong in it.
    pub async fn set_up(&self, host: &HostName, form: &SetupSubmission) -> Result<Result<(), Wrong>, Problem> {
        match self.client.post::<_, Value>(&format!("{}/{host}/setup", self.url), form).await {
            Ok(_) => Ok(Ok(())),
            // Somebody else was quicker: what they filled in counts, and the browser sees where that went.
            Err(ClientError::Refused(problem)) if problem.code == "not_awaiting_setup" => Ok(Ok(())),
            Err(ClientError::Refused(problem)) if problem.status == 404 => Err(no_route()),
            Err(ClientError::Refused(problem)) if problem.status == 422 => Ok(Err(Wrong::Fields(problem.errors))),
            Err(ClientError::Refused(problem)) if problem.status == 429 => {
                Ok(Err(Wrong::TooOften(problem.retry_after.unwrap_or(SOON))))
            }
            Err(error) => Err(error.into()),
        }
    }
}
