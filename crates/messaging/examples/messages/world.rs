//! What all measurements share: a database with effects, messages, and a handler that writes one row for each.

use anyhow::Result;
use common::{
    ambient::Ambient,
    config::Database,
    db::{self, CrossTenantTx, Db},
};
use contracts::{
    envelope::Envelope,
    id::{MessageId, TenantId, UserId},
    messages::MemberJoined,
};
use messaging::{Delivery, Fault, Handle};
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// As many as a service has.
const CONNECTIONS: u32 = 20;
/// The median counts.
pub const ROUNDS: usize = 3;
/// How often it is looked whether all has arrived.
const LOOK: Duration = Duration::from_millis(5);

pub async fn database() -> Result<Db> {
    let pool = db::connect(&Database { url: env::var("DATABASE_URL")?.into(), max_connections: CONNECTIONS })?;
    messaging::tables::migrator().run(&mut *pool.acquire().await?).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS effects (message_id uuid PRIMARY KEY)").execute(&pool).await?;
    Ok(Db::new(pool, "auth", Ambient::system()))
}

pub async fn clear(db: &Db) -> Result<()> {
    sqlx::raw_sql("TRUNCATE effects, outbox, inbox_messages, inbox").execute(db.pool()).await?;
    Ok(())
}

pub fn envelope(ambient: &Ambient) -> Envelope {
    let (id, tenant) = (MessageId(ambient.uuid()), TenantId(ambient.uuid()));
    let fact = MemberJoined { tenant_id: tenant, user_id: UserId(ambient.uuid()), membership_id: None };
    Envelope::new(id, ambient.now(), "auth", Some(tenant), &fact).expect("it can be written as JSON")
}

/// Its effect is one row.
#[derive(Clone, Default)]
pub struct OneRow {
    /// How many it was given.
    pub handled: Arc<AtomicUsize>,
}

pub const EFFECT: &str = "INSERT INTO effects VALUES ($1)";

impl Handle<MemberJoined> for OneRow {
    type Tx = CrossTenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        sqlx::query(EFFECT).bind(message.id.0).execute(&mut **tx).await?;
        self.handled.fetch_add(1, SeqCst);
        Ok(())
    }
}

pub async fn effects(db: &Db) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(db.pool()).await?)
}

/// How many a second it was, as `count` have happened when `done` holds.
pub async fn rate(count: usize, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<f64> {
    let started = Instant::now();
    while !done().await? {
        sleep(LOOK).await;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

pub fn median(mut rates: [f64; ROUNDS]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}
