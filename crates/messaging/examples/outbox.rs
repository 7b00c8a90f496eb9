//! What a message costs a commit: commits a second with a row alone (the floor), with a message, and with a message and
//! a `NOTIFY`. `cargo xtask bench outbox` runs it on a PostgreSQL of its own, which `DATABASE_URL` names.

use anyhow::Result;
use common::{
    ambient::Ambient,
    config::Database,
    db::{self, CrossTenantTx, Db},
};
use contracts::{
    id::{TenantId, UserId},
    messages::MemberJoined,
};
use futures_util::future::try_join_all;
use std::{env, time::Duration};
use tokio::time::Instant;

const WRITERS: [u32; 2] = [8, 32];
/// The median counts. Each goes over all kinds of commits, so that what else the machine does falls on all alike.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);

/// What a commit has in it besides a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Message,
    Notification,
}

const KINDS: [(With, &str); 3] = [
    (With::Nothing, "a row"),
    (With::Message, "a row and a message"),
    (With::Notification, "a row, a message and a `NOTIFY`"),
];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
async fn main() -> Result<()> {
    println!("| writers | a commit of | commits/s | of the floor |\n| --- | --- | --- | --- |");
    for writers in WRITERS {
        let pool = db::connect(&Database { url: env::var("DATABASE_URL")?.into(), max_connections: writers })?;
        let db = Db::new(pool, "auth", Ambient::system());
        messaging::tables::migrator().run(&mut *db.pool().acquire().await?).await?;
        sqlx::raw_sql("CREATE TABLE IF NOT EXISTS facts (id uuid PRIMARY KEY)").execute(db.pool()).await?;
        let mut rates = [[0.0; ROUNDS]; KINDS.len()];
        for round in 0..ROUNDS {
            for ((with, _), rates) in KINDS.iter().zip(&mut rates) {
                rates[round] = measure(&db, writers, *with).await?;
            }
        }
        let medians = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[ROUNDS / 2]
        });
        for ((_, label), rate) in KINDS.iter().zip(medians) {
            println!("| {writers} | {label} | {rate:.0} | {:.2} |", rate / medians[0]);
        }
    }
    Ok(())
}

/// Commits a second of so many writers at once.
async fn measure(db: &Db, writers: u32, with: With) -> Result<f64> {
    sqlx::raw_sql("TRUNCATE facts, outbox").execute(db.pool()).await?;
    let started = Instant::now();
    let tasks = (0..writers).map(|_| tokio::spawn(write(db.clone(), with, started + ROUND)));
    let commits: Vec<u32> = try_join_all(tasks).await?.into_iter().collect::<Result<_>>()?;
    Ok(f64::from(commits.iter().sum::<u32>()) / started.elapsed().as_secs_f64())
}

async fn write(db: Db, with: With, until: Instant) -> Result<u32> {
    let mut commits = 0;
    while Instant::now() < until {
        let mut tx = begin(&db).await?;
        sqlx::query("INSERT INTO facts VALUES ($1)").bind(db.ambient().uuid()).execute(&mut *tx).await?;
        if with != With::Nothing {
            let (tenant_id, user_id) = (TenantId(db.ambient().uuid()), UserId(db.ambient().uuid()));
            messaging::publish(&mut tx, &MemberJoined { tenant_id, user_id, membership_id: None }).await?;
        }
        if with == With::Notification {
            sqlx::query("SELECT pg_notify('outbox', '')").execute(&mut *tx).await?;
        }
        tx.commit().await?;
        commits += 1;
    }
    Ok(commits)
}

#[expect(clippy::disallowed_methods, reason = "nobody asks a benchmark for anything")]
async fn begin(db: &Db) -> sqlx::Result<CrossTenantTx> {
    db.begin_across_tenants().await
}
