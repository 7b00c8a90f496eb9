//! Task protection on ECS: while a long job runs, neither scaling in nor a deployment ends this task. Given up as soon
//! as none does; outside of ECS there is none.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html>

use contracts::id::JobId;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often it is looked for long jobs.
const LOOK: Duration = Duration::from_secs(1);
/// Minutes after which ECS ends a protection that nobody renews, as the worker has died.
const EXPIRES_IN_MINUTES: u64 = 10;
/// So often it is renewed while it is needed.
const RENEW: Duration = Duration::from_secs(EXPIRES_IN_MINUTES * 60 / 2);
/// The agent is on the same machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The jobs that run in this process, and since when; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<JobId, Instant>>>);

/// Takes its job off the list when dropped.
pub(crate) struct Runs {
    running: Running,
    job: JobId,
}

impl Running {
    pub fn begin(&self, job: JobId) -> Runs {
        self.lock().insert(job, Instant::now());
        Runs { running: self.clone(), job }
    }

    fn longest(&self) -> Duration {
        self.lock().values().map(Instant::elapsed).max().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.running.lock().remove(&self.job);
    }
}

/// Protects the task while a job runs that is longer under way than `long`, until `stopped`; the agent is at `agent`.
pub(crate) async fn keep(agent: &str, running: &Running, long: Duration, stopped: CancellationToken) {
    let url = format!("{}/task-protection/v1/state", agent.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(TIMEOUT).build().unwrap_or_default();
    let mut protected: Option<Instant> = None;
    while stopped.run_until_cancelled(sleep(LOOK)).await.is_some() {
        let needed = running.longest() >= long;
        match protected {
            Some(since) if needed && since.elapsed() < RENEW => continue,
            None if !needed => continue,
            _ => {}
        }
        match set(&client, &url, needed).await {
            Ok(()) => protected = needed.then(Instant::now),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    protected = needed,
                    "ECS does not change the task's protection"
                );
            }
        }
    }
    if protected.is_some()
        && let Err(error) = set(&client, &url, false).await
    {
        tracing::warn!(error = format!("{error:#}"), "The task's protection is left to expire");
    }
}

async fn set(client: &reqwest::Client, url: &str, protected: bool) -> anyhow::Result<()> {
    let mut state = json!({"ProtectionEnabled": protected});
    if protected {
        state["ExpiresInMinutes"] = json!(EXPIRES_IN_MINUTES);
    }
    let answer = client.put(url).json(&state).send().await?.error_for_status()?;
    let answer: serde_json::Value = answer.json().await?;
    // A refusal can come under 200.
    if let Some(reason) = answer.get("failure").or(answer.get("error")) {
        anyhow::bail!("{reason}");
    }
    tracing::info!(protected, "The task's protection has changed");
    Ok(())
}
