//! Connection pool over many databases: one bound for the process, a share for each instance; room for a newcomer is
//! made by closing the idle connection that was used least recently.

use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};
use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// A request waits no longer for a connection before it answers 503; nor does anybody for the server to open one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A server that does not answer a ping, or a farewell, within this time has lost the connection.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that nothing uses goes back to the server.
const IDLE: Duration = Duration::from_secs(60);
/// How often that is looked for.
const SWEEP: Duration = Duration::from_secs(15);
/// Passes of metering that may hold a connection at once, so that requests always find most of them free.
const IN_BACKGROUND: usize = 4;

/// A database, as far as connecting to it goes.
pub(crate) struct Target {
    /// Tells its connections from those to others, also from those under an earlier URL of the same instance.
    pub id: u64,
    pub options: PgConnectOptions,
    /// The connections that it may have in use at once.
    pub share: Arc<Semaphore>,
}

/// Every connection of this process to instances' databases.
pub(crate) struct Connections {
    bound: usize,
    /// The right to use a connection, or to close one: whoever is without waits in turn. Connections in use or about to
    /// be are never more than these.
    places: Arc<Semaphore>,
    background: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// In use, idle, opening or closing.
    open: usize,
    /// In the order in which they were given back.
    idle: VecDeque<Idle>,
}

struct Idle {
    owner: u64,
    since: Instant,
    live: Live,
}

/// An open connection; dropped, it is counted no more.
struct Live {
    connection: PgConnection,
    room: Room,
}

/// One of the bound's connections.
struct Room(Arc<Mutex<State>>);

impl Drop for Room {
    fn drop(&mut self) {
        lock(&self.0).open -= 1;
    }
}

/// What there is for somebody with a place.
enum Found {
    Own(Live),
    Room(Room),
    /// Of another instance: it makes room.
    Other(Live),
}

impl Connections {
    pub fn new(bound: usize) -> Self {
        let background = IN_BACKGROUND.min(bound.div_ceil(2));
        Self {
            bound,
            places: Arc::new(Semaphore::new(bound)),
            background: Arc::new(Semaphore::new(background)),
            state: Arc::default(),
        }
    }

    /// A connection to the target, for a request; gives up after a while.
    pub async fn acquire(self: &Arc<Self>, target: &Target) -> sqlx::Result<Connection> {
        timeout(ACQUIRE_TIMEOUT, self.wait(target)).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// A connection for what nobody waits for: it takes its time, and leaves room for requests.
    pub async fn acquire_in_background(self: &Arc<Self>, target: &Target) -> sqlx::Result<Connection> {
        let background = Arc::clone(&self.background).acquire_owned().await.map_err(closed)?;
        let mut connection = self.wait(target).await?;
        connection.permits.push(background);
        Ok(connection)
    }

    async fn wait(self: &Arc<Self>, target: &Target) -> sqlx::Result<Connection> {
        // The instance's share comes first: those who wait for it hold nothing that others need.
        let share = Arc::clone(&target.share).acquire_owned().await.map_err(closed)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(closed)?;
        let live = self.live(target).await?;
        Ok(Connection {
            live: Some(live),
            permits: vec![share, place],
            owner: target.id,
            state: Arc::clone(&self.state),
            unfinished: false,
        })
    }

    async fn live(&self, target: &Target) -> sqlx::Result<Live> {
        let room = match self.find(target.id) {
            Found::Own(live) => match checked(live).await {
                Ok(live) => return Ok(live),
                Err(room) => room,
            },
            Found::Room(room) => room,
            Found::Other(live) => close(live).await,
        };
        let opening = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&target.options));
        let connection = opening.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Live { connection, room })
    }

    /// Without waiting. As this caller has a place and no connection yet, at most `bound - 1` connections are not idle:
    /// if all are open, one is idle.
    fn find(&self, owner: u64) -> Found {
        let mut state = lock(&self.state);
        if let Some(own) =
            state.idle.iter().rposition(|idle| idle.owner == owner).and_then(|index| state.idle.remove(index))
        {
            return Found::Own(own.live);
        }
        if state.open >= self.bound
            && let Some(oldest) = state.idle.pop_front()
        {
            return Found::Other(oldest.live);
        }
        state.open += 1;
        Found::Room(Room(Arc::clone(&self.state)))
    }

    /// Closes what has been idle for long, until `shutdown`.
    pub async fn sweep(self: Arc<Self>, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            // With no place free everything is in use.
            while let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() {
                let Some(stale) = self.stale() else { break };
                close(stale).await;
            }
        }
    }

    fn stale(&self) -> Option<Live> {
        let mut state = lock(&self.state);
        state.idle.front().filter(|oldest| oldest.since.elapsed() > IDLE)?;
        state.idle.pop_front().map(|oldest| oldest.live)
    }
}

/// The connection if it still works, with nothing left over of what was cut short on it; else the room that it had.
async fn checked(Live { mut connection, room }: Live) -> Result<Live, Room> {
    match timeout(PING_TIMEOUT, connection.ping()).await {
        Ok(Ok(())) => Ok(Live { connection, room }),
        _ => Err(room),
    }
}

async fn close(Live { connection, room }: Live) -> Room {
    // A connection that cannot say farewell is gone all the same.
    let _ = timeout(PING_TIMEOUT, connection.close()).await;
    room
}

fn closed(_: AcquireError) -> sqlx::Error {
    sqlx::Error::PoolClosed
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing panics while it holds the lock.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection to the instance's database; goes back when dropped. Whoever holds one must not wait for a second: with
/// everybody doing so, nobody gets on.
pub struct Connection {
    live: Option<Live>,
    permits: Vec<OwnedSemaphorePermit>,
    owner: u64,
    state: Arc<Mutex<State>>,
    /// A transaction was begun and not committed.
    unfinished: bool,
}

impl Deref for Connection {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.live.as_ref().expect("only drop takes it").connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.live.as_mut().expect("only drop takes it").connection
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        let (owner, state) = (self.owner, Arc::clone(&self.state));
        let give_back = move |live| lock(&state).idle.push_back(Idle { owner, since: Instant::now(), live });
        if !self.unfinished && !live.connection.should_flush() {
            return give_back(live);
        }
        // Nobody may wait for locks that an idle connection holds.
        let permits = std::mem::take(&mut self.permits);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(Ok(_)) = timeout(PING_TIMEOUT, live.connection.execute("ROLLBACK")).await {
                    give_back(live);
                }
                drop(permits);
            });
        }
    }
}

/// A transaction in the instance's database; rolled back when dropped.
pub struct Transaction {
    connection: Connection,
    /// Told of commits that order jobs; of this database alone.
    orders: Arc<Notify>,
    ordered: bool,
}

impl Transaction {
    pub(crate) async fn begin(mut connection: Connection, orders: Arc<Notify>) -> sqlx::Result<Self> {
        connection.unfinished = true;
        connection.execute("BEGIN").await?;
        Ok(Self { connection, orders, ordered: false })
    }

    /// Whether it is one in the database with these orders.
    pub(crate) fn orders_for(&self, orders: &Arc<Notify>) -> bool {
        Arc::ptr_eq(&self.orders, orders)
    }

    /// Jobs are ordered by its commit, which wakes their relay.
    pub(crate) fn has_orders(&mut self) {
        self.ordered = true;
    }

    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.connection.execute("COMMIT").await?;
        self.connection.unfinished = false;
        if self.ordered {
            self.orders.notify_one();
        }
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
