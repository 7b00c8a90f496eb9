//! A thread for what must go on while the test's own thread stands still: the service under test, and links to servers.
//!
//! In PostgreSQL 15 `DROP DATABASE` waits for every backend to pass a barrier, and one that waits for its client's
//! password does not pass it. Were the client a task on the thread that waits for the drop, each would wait for the
//! other, here or in another test.

use std::time::Duration;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// For work that cannot be interrupted, such as the hashing of a password.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A runtime with one thread; its tasks, and their connections, end when it is dropped.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    pub(crate) fn start() -> Self {
        Self(Some(Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread")))
    }

    pub(crate) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle().spawn(task)
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it lives until it is ended").handle()
    }

    /// Takes the runtime away, to be ended where it may be waited for: not on a thread that runs tasks.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Drops all tasks, and comes back when they are gone.
    pub(crate) fn end(mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(END_WITHIN);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
