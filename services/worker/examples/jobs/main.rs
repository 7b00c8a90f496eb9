//! What jobs cost: no-op jobs a second with their history kept, orders accepted a second, a claim behind 100,000 jobs
//! that are others', and the memory of a worker behind which they wait. `DATABASE_URL` names a database of its own;
//! prints rows of the table `measured | a second | beside | wanted`.

mod accept;
#[path = "../../../../crates/messaging/examples/messages/canned.rs"]
mod canned;

use anyhow::{Context, Result, ensure};
use common::{
    ambient::Ambient,
    config::{Base, Database, Env},
    db::{Background, Db},
};
use contracts::{contract::Sample, jobs::Job};
use messaging::Aws;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::{Kit, Service};
use std::{env, fmt, fs, time::Duration};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use worker::{
    Worker,
    app::App,
    config::Settings,
    dispatcher::Dispatcher,
    handlers::{Fault, Handle, Handler, Run},
    jobs::{
        claim,
        model::{Can, Claim},
    },
};

const NO_OPS: i32 = 30_000;
const OTHERS: i32 = 100_000;
const CLAIMS: usize = 200;
/// Jobs a statement, as in the ends of jobs.
const GROUP: i64 = 100;

/// Does nothing.
#[derive(Serialize, Deserialize, JsonSchema)]
struct NoOp {}

impl Sample for NoOp {
    fn samples() -> Vec<Self> {
        Vec::new()
    }
}

impl Job for NoOp {
    const KIND: &'static str = "bench.no_op";
    const VERSION: u32 = 1;
    const ORDERED_BY: &'static [&'static str] = &["configurator"];
}

impl Handle for NoOp {
    async fn handle(self, _: &Run<'_>) -> Result<Option<Value>, Fault> {
        Ok(None)
    }
}

static HANDLERS: &[Handler] = &[Handler::of::<NoOp>()];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
async fn main() -> Result<()> {
    common::crypto::install();
    let app = app().await?;
    let background = background();
    service_kit::tables::migrate(&mut *app.db.pool().acquire().await?, Worker::MIGRATOR).await?;
    sqlx::raw_sql("TRUNCATE jobs, job_lanes, job_log, outbox CASCADE").execute(app.db.pool()).await?;
    let floor = floor(&app.db).await?;
    let rate = no_ops(&app, background).await?;
    println!("| no-op jobs, their history kept | {rate:.0} | {floor:.0} rows updated twice in groups | 3000 |");
    let (took, rate) = accept::measure(&app).await?;
    println!(
        "| orders of jobs accepted by the consumer, null source | {rate:.0} | 10,000 in {took:.1} s | 2000: 5 s |"
    );
    sqlx::raw_sql("TRUNCATE jobs, job_lanes, job_log, outbox CASCADE").execute(app.db.pool()).await?;
    let (bare, small) = (claims(&app, background).await?, memory(&app, background).await?);
    insert(&app.db, OTHERS, "bench.unknown").await?;
    let (behind, large) = (claims(&app, background).await?, memory(&app, background).await?);
    println!("| claim behind 100,000 jobs of others | {behind} | {bare} with none there | 2 ms |");
    println!("| memory of a worker, 100,000 jobs waiting | {large:.0} MiB | {small:.0} MiB with none | 40 MiB |");
    Ok(())
}

async fn app() -> Result<App> {
    let url = env::var("DATABASE_URL").context("DATABASE_URL names an empty database")?;
    let nowhere = "http://127.0.0.1:9";
    let variables = [
        ("REDIS_URL", "redis://127.0.0.1:9"),
        ("AUTH_URL", nowhere),
        ("PERMISSION_URL", nowhere),
        ("CONFIGURATOR_URL", nowhere),
        ("TOKEN_ISSUER", nowhere),
        ("CLIENT_SECRET", "none"),
        ("AWS_ACCOUNT_ID", "000000000000"),
        ("AWS_REGION", "eu-central-1"),
        ("BUNDLES_DIR", "/nonexistent"),
        ("JOB_CONCURRENCY", "100"),
        ("JOBS_PER_SECOND", "10000"),
        ("DATABASE_URL", url.as_str()),
    ];
    let mut env = Env::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (base, database) = (Base::read(&mut env, "worker", 8006), Database::read(&mut env));
    let settings = Settings::read(&mut env);
    let (base, database, settings) = env.finish(base.zip(database).zip(settings)).map(|((b, d), s)| (b, d, s))?;
    let console = Aws::from_env(&base.resource_prefix, &base.aws_account_id).await.console();
    let kit = Kit::open("worker", &base, &database, Ambient::system())?;
    Ok(App::new(kit, settings, HANDLERS, console))
}

#[expect(clippy::disallowed_methods, reason = "nobody asks a benchmark for anything")]
fn background() -> Background {
    Background::new()
}

async fn insert(db: &Db, many: i32, kind: &str) -> Result<()> {
    let sql = "INSERT INTO jobs (id, kind, version, payload, tenant_id)
               SELECT gen_random_uuid(), $2, 1, '{}', md5((n % 10)::text)::uuid FROM generate_series(1, $1) AS n";
    let mut tx = background().begin_across_tenants(db).await?;
    sqlx::query(sql).bind(many).bind(kind).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Rows that are updated twice in groups, each a commit, and nothing else.
async fn floor(db: &Db) -> Result<f64> {
    let made =
        "CREATE TABLE floor AS SELECT n AS id, 'queued' AS state, now() AS at FROM generate_series(1, 30000) AS n;
                ALTER TABLE floor ADD PRIMARY KEY (id)";
    sqlx::raw_sql(made).execute(db.pool()).await?;
    let started = Instant::now();
    for first in (1..=i64::from(NO_OPS)).step_by(GROUP as usize) {
        for state in ["running", "succeeded"] {
            let sql = "UPDATE floor SET state = $3, at = now() WHERE id BETWEEN $1 AND $2";
            sqlx::query(sql).bind(first).bind(first + GROUP - 1).bind(state).execute(db.pool()).await?;
        }
    }
    let rate = f64::from(NO_OPS) / started.elapsed().as_secs_f64();
    sqlx::raw_sql("DROP TABLE floor").execute(db.pool()).await?;
    Ok(rate)
}

/// A dispatcher at work until `shutdown`.
fn dispatch(app: &App, background: Background) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let shutdown = CancellationToken::new();
    let dispatcher = Dispatcher::new(app.clone(), background).run(shutdown.clone());
    (shutdown, tokio::spawn(dispatcher))
}

async fn count(db: &Db, sql: &'static str) -> Result<i64> {
    let mut tx = background().begin_across_tenants(db).await?;
    Ok(sqlx::query_scalar(sql).fetch_one(&mut *tx).await?)
}

async fn no_ops(app: &App, background: Background) -> Result<f64> {
    insert(&app.db, NO_OPS, NoOp::KIND).await?;
    let started = Instant::now();
    let (shutdown, dispatcher) = dispatch(app, background);
    while count(&app.db, "SELECT count(*) FROM job_lanes").await? > 0 {
        sleep(Duration::from_millis(50)).await;
    }
    shutdown.cancel();
    dispatcher.await?;
    let took = started.elapsed();
    let kept = "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND attempts = 1";
    ensure!(count(&app.db, kept).await? == i64::from(NO_OPS), "some jobs are not done");
    ensure!(count(&app.db, "SELECT count(*) FROM outbox").await? == i64::from(NO_OPS), "some ends are not told");
    Ok(f64::from(NO_OPS) / took.as_secs_f64())
}

/// Medians, in milliseconds.
struct Claims {
    claim: f64,
    commit: f64,
}

impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ms (a row's commit: {:.2} ms)", self.claim, self.commit)
    }
}

/// Claims of one job each, and beside each the commit of one row.
async fn claims(app: &App, background: Background) -> Result<Claims> {
    let can = Can::with(&[(NoOp::KIND, NoOp::VERSION)], &[]);
    // What was written before is on the disk, and is not waited for here.
    sqlx::raw_sql("CHECKPOINT; CREATE TABLE floor (at timestamptz)").execute(app.db.pool()).await?;
    let (mut claims, mut commits) = (Vec::with_capacity(CLAIMS), Vec::with_capacity(CLAIMS));
    for _ in 0..CLAIMS {
        insert(&app.db, 1, NoOp::KIND).await?;
        let (lease, duration) = (app.ambient.uuid(), Duration::from_secs(15));
        let started = Instant::now();
        let mut tx = background.begin_across_tenants(&app.db).await?;
        let claim = Claim { worker: &app.worker, lease, can: &can, duration, most: 100 };
        let begun = claim::begin(&mut tx, &claim).await?;
        tx.commit().await?;
        claims.push(started.elapsed());
        ensure!(begun.jobs.len() == 1, "the claim has not found its job");
        let started = Instant::now();
        sqlx::query("INSERT INTO floor VALUES (now())").execute(app.db.pool()).await?;
        commits.push(started.elapsed());
    }
    sqlx::raw_sql("DROP TABLE floor").execute(app.db.pool()).await?;
    Ok(Claims { claim: median(claims), commit: median(commits) })
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort();
    took[took.len() / 2].as_secs_f64() * 1000.0
}

/// Of this whole process, while its dispatcher looks for work.
async fn memory(app: &App, background: Background) -> Result<f64> {
    let (shutdown, dispatcher) = dispatch(app, background);
    sleep(Duration::from_secs(6)).await;
    let counts = fs::read_to_string("/proc/self/statm")?;
    let pages: u32 = counts.split_whitespace().nth(1).context("statm has two fields")?.parse()?;
    shutdown.cancel();
    dispatcher.await?;
    Ok(f64::from(pages) * 4096.0 / 1_048_576.0)
}
