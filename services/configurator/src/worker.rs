//! What does the worker know of a job? Asked when its end is overdue.

use access::client::{ClientError, PlatformClient};
use contracts::id::JobId;
use serde::Deserialize;

/// A job as far as its instance is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Queued or running.
    UnderWay,
    Succeeded,
    Failed {
        reason: Option<String>,
    },
    /// The order has not arrived, or never will.
    Unknown,
}

/// The worker's internal endpoints; cheap to clone.
#[derive(Clone)]
pub struct WorkerClient {
    client: PlatformClient,
    url: String,
}

/// Answer of `GET /internal/jobs/{id}`.
#[derive(Deserialize)]
struct Answer {
    state: Told,
    /// Why the last attempt did not succeed.
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Succeeded,
    Failed,
    /// Any state that passes by itself.
    #[serde(other)]
    Passing,
}

impl WorkerClient {
    pub fn new(client: PlatformClient, worker_url: &str) -> Self {
        Self { client, url: format!("{worker_url}/internal/jobs") }
    }

    pub async fn job(&self, id: JobId) -> Result<JobState, ClientError> {
        match self.client.get::<Answer>(&format!("{}/{id}", self.url)).await {
            Ok(Answer { state: Told::Succeeded, .. }) => Ok(JobState::Succeeded),
            Ok(Answer { state: Told::Failed, reason }) => Ok(JobState::Failed { reason }),
            Ok(Answer { state: Told::Passing, .. }) => Ok(JobState::UnderWay),
            // A worker that does not know the question answers another 404.
            Err(ClientError::Refused(problem)) if problem.code == "job_not_found" => Ok(JobState::Unknown),
            Err(error) => Err(error),
        }
    }
}
