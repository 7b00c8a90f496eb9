//! Threads that hash passwords: one a core, each with memory that it keeps, at a low priority.
//!
//! A hash takes a core for a tenth of a second, and everybody else's answer a thousandth of it: so those who wait for a
//! millisecond of a core go first (sched(7), the nice value). The memory is kept because the system would have to make
//! and clear sixteen thousand pages of it for each hash.

use argon2::Block;
use rustix::process::setpriority_process;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// A tenth of the weight of other threads: where all cores are busy hashes still get some.
const NICE: i32 = 10;

type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum NoHash {
    #[error("every core is busy")]
    Busy,
    #[error("the thread that hashes has failed")]
    Failed,
}

/// Does work on a core, as soon as one is free; cheap to clone. The threads end with the last clone.
#[derive(Clone)]
pub struct HashingThreads {
    /// As many permits as there are threads, so that nothing waits in the queue.
    pub cores: Arc<Semaphore>,
    queue: mpsc::Sender<Work>,
}

impl HashingThreads {
    pub fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (queue, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..cores {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("password-hash".into()).spawn(move || run(&waiting))?;
        }
        Ok(Self { cores: Arc::new(Semaphore::new(cores)), queue })
    }

    /// What `work` gives, which has the thread's memory. The core stays taken until the work is done, also when the
    /// caller has gone.
    pub async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, NoHash> {
        let core = timeout(patience, Arc::clone(&self.cores).acquire_owned()).await;
        let core = core.map_err(|_| NoHash::Busy)?.map_err(|_| NoHash::Failed)?;
        let (tell, done) = oneshot::channel();
        let work: Work = Box::new(move |memory| {
            let result = work(memory);
            drop(core);
            // The caller may have gone.
            let _ = tell.send(result);
        });
        self.queue.send(work).map_err(|_| NoHash::Failed)?;
        done.await.map_err(|_| NoHash::Failed)
    }
}

fn run(waiting: &Mutex<mpsc::Receiver<Work>>) {
    // Of this thread alone. Without it hashes are made as well.
    if let Err(error) = setpriority_process(None, NICE) {
        tracing::warn!(%error, "Passwords are hashed at the priority of everything else");
    }
    let mut memory = Vec::new();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // Whoever waits for it is told by its end; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
    }
}
