//! The order to stop, and the deadlines that count from it.

use std::time::Duration;
use tokio::time::sleep;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

/// From the order to stop until the process ends. Compose kills after 30 s, ECS after its own `stopTimeout`
/// (`ecs/taskdefs`), which is longer. Every part counts from that order: listeners, consumers, jobs and whatever else
/// runs.
pub(super) const STOP_WITHIN: Duration = Duration::from_secs(24);
/// Work in hand may go on for so long after the order; what is not done then is given back.
pub const FINISH_WITHIN: Duration = Duration::from_secs(15);
/// Giving back takes at most so long; who waits for it then finds out by himself, as after a crash.
pub const GIVE_BACK_WITHIN: Duration = Duration::from_secs(5);

/// What runs beside the listeners, and the order to stop.
#[derive(Clone, Default)]
pub struct Lifecycle {
    pub shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// Stops at SIGTERM or Ctrl-C.
    pub fn until_signal() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let shutdown = lifecycle.shutdown.clone();
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
            tracing::info!("The service stops");
            shutdown.cancel();
        });
        Ok(lifecycle)
    }

    /// Runs `task` beside the listeners; it ends by itself once `shutdown` is cancelled, and is waited for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits for every task, at most as long as a stop may take.
    pub async fn stopped(&self) {
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "Tasks did not stop in time");
        }
    }
}

/// The end of the time for work in hand, counted from the order to stop and not from when somebody first looks.
pub struct GiveUp {
    token: CancellationToken,
    give_back: Duration,
    _timer: AbortOnDropHandle<()>,
}

impl GiveUp {
    /// `time` after the order there is [`GIVE_BACK_WITHIN`] left. Call it inside the runtime, before the order.
    pub fn after(shutdown: &CancellationToken, time: Duration) -> Self {
        Self::within(shutdown, time, GIVE_BACK_WITHIN)
    }

    /// As [`GiveUp::after`], with another time to give back.
    pub fn within(shutdown: &CancellationToken, time: Duration, give_back: Duration) -> Self {
        let (token, shutdown) = (CancellationToken::new(), shutdown.clone());
        let timer = tokio::spawn({
            let token = token.clone();
            async move {
                shutdown.cancelled().await;
                sleep(time).await;
                token.cancel();
            }
        });
        Self { token, give_back, _timer: AbortOnDropHandle::new(timer) }
    }

    /// Cancelled when work in hand must be given back.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Waits for `tasks`, which give back what they hold once the token is cancelled; then not longer than that may
    /// take.
    pub async fn wait_for(&self, tasks: &TaskTracker) {
        tasks.close();
        tokio::select! {
            () = tasks.wait() => {}
            () = async { self.token.cancelled().await; sleep(self.give_back).await } => {
                tracing::warn!(tasks = tasks.len(), "Work in hand could not be given back in time");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test]
    async fn the_time_to_finish_begins_with_the_order() {
        let (finish, give_back) = (Duration::from_millis(600), Duration::from_millis(300));
        let shutdown = CancellationToken::new();
        let give_up = GiveUp::within(&shutdown, finish, give_back);
        sleep(finish).await;
        assert!(!give_up.token().is_cancelled(), "nobody has ordered it");
        let ordered = Instant::now();
        shutdown.cancel();
        // A receive that hung, say.
        sleep(Duration::from_millis(500)).await;
        let tasks = TaskTracker::new();
        tasks.spawn(std::future::pending::<()>());
        give_up.wait_for(&tasks).await;
        assert!(
            ordered.elapsed() >= finish + give_back && ordered.elapsed() < Duration::from_millis(1300),
            "{:?}",
            ordered.elapsed()
        );
    }

    #[test]
    fn the_parts_of_a_stop_fit_into_it() {
        assert!(FINISH_WITHIN + GIVE_BACK_WITHIN < STOP_WITHIN);
        assert!(crate::server::Limits::default().answer < STOP_WITHIN);
    }
}
