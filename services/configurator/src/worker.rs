//! Client of the worker's internal endpoints: what does it know of a job whose end is overdue?

use access::client::{ClientError, PlatformClient};
use contracts::{http::jobs::JobProgress, id::JobId};

/// The worker's internal endpoints; cheap to clone.
#[derive(Clone)]
pub struct WorkerClient {
    client: PlatformClient,
    url: String,
}

impl WorkerClient {
    pub fn new(client: PlatformClient, worker_url: &str) -> Self {
        Self { client, url: format!("{worker_url}/internal/jobs") }
    }

    /// `None` if the order has not arrived, or never will.
    pub async fn job(&self, id: JobId) -> Result<Option<JobProgress>, ClientError> {
        match self.client.get(&format!("{}/{id}", self.url)).await {
            Ok(progress) => Ok(Some(progress)),
            // A worker that does not know the question answers another 404.
            Err(ClientError::Refused(problem)) if problem.code == "job_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }
}
