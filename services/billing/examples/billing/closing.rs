//! Month ends: many accounts at once, and one with very many events.

use crate::{Account, accounts, publish};
use billing::Billing;
use std::{
    env, fs,
    time::{Duration, Instant},
};
use test_support::TestPlatform;
use tokio::time::sleep;

const ACCOUNTS: usize = 2_000;
const EVENTS: i64 = 100;
/// Between two looks at how many are done.
const LOOK: Duration = Duration::from_millis(20);
/// Statements at once.
const CALLERS: usize = 4;
/// Events of the large account; another number in `LARGE`.
const LARGE: i64 = 1_000_000;
/// Ids as they are given, all of this week.
const USAGE: &str = "
    INSERT INTO usage_event (tenant_id, id, seq, service, instance_id, meter, key, quantity, occurred_at, received_at)
    SELECT tenant, (left(lowest_id_at(now())::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid,
        nextval('usage_seq'), 'forum', instance, 'forum.posts', 'posts:' || n, 1, now() - interval '1 day', now()
    FROM UNNEST($1::uuid[], $2::uuid[]) AS use (tenant, instance), generate_series(1, $3) AS n";
const DUE: &str = "UPDATE cycle SET due_at = now() WHERE state = 'open' AND tenant_id = ANY($1)";
const BARE: &str = "
    WITH sum AS (SELECT count(*) AS n, sum(quantity) AS q FROM usage_event WHERE tenant_id = $1),
      one AS (INSERT INTO bare_invoice SELECT gen_random_uuid(), $1, n * 5 FROM sum RETURNING id)
    INSERT INTO bare_line SELECT gen_random_uuid(), id, kind, q FROM one, sum, UNNEST(ARRAY['feature', 'meter']) AS kind";
const NUMBERED: &str = "SELECT count(*) FROM invoice_status WHERE number IS NOT NULL";

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
pub async fn month_end() {
    let platform = TestPlatform::of::<Billing>().await;
    publish(&platform).await;
    let accounts = accounts(&platform, ACCOUNTS).await;
    use_it(&platform, &accounts, EVENTS).await;
    let tables = "CREATE TABLE bare_invoice (id uuid PRIMARY KEY, tenant_id uuid, total bigint);
        CREATE TABLE bare_line (id uuid PRIMARY KEY, invoice_id uuid, kind text, quantity numeric)";
    sqlx::raw_sql(tables).execute(&platform.pool).await.expect("tables");
    let floor = bare(&platform, &accounts).await;
    let _server = platform.run::<Billing>(platform.env()).await;
    let rate = ACCOUNTS as f64 / close(&platform, &accounts).await;
    println!(
        "| invoices of {EVENTS} events, closed and numbered | {rate:.0} | {floor:.0} by bare SQL ({:.2}) | 500 |",
        rate / floor
    );
}

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
pub async fn large_account() {
    let platform = TestPlatform::of::<Billing>().await;
    publish(&platform).await;
    let events = env::var("LARGE").ok().and_then(|text| text.parse().ok()).unwrap_or(LARGE);
    let (large, small) = (accounts(&platform, 1).await, accounts(&platform, 50).await);
    use_it(&platform, &large, events).await;
    use_it(&platform, &small, EVENTS).await;
    let sum = "SELECT sum(quantity), count(*), max(occurred_at) FROM usage_event WHERE tenant_id = $1";
    let started = Instant::now();
    sqlx::query(sum).bind(large[0].tenant.0).execute(&platform.pool).await.expect("a sum");
    let floor = started.elapsed().as_secs_f64();
    let _server = platform.run::<Billing>(platform.env()).await;
    let before = memory();
    sqlx::query(DUE).bind(vec![large[0].tenant.0]).execute(&platform.pool).await.expect("it is due");
    until_taken(&platform).await;
    let started = Instant::now();
    let others = close(&platform, &small).await;
    until_numbered(&platform, 51).await;
    let took = started.elapsed().as_secs_f64();
    println!(
        "| close of {events} events of one account | {:.0} ({took:.1} s, {:.0} MiB more) | {floor:.1} s summed by bare \
         SQL; 50 other accounts meanwhile in {others:.2} s | 10,000,000 in 60 s |",
        events as f64 / took,
        memory() - before
    );
}

/// Has each account use the forum so often.
pub async fn use_it(platform: &TestPlatform, accounts: &[Account], events: i64) {
    let tenants: Vec<_> = accounts.iter().map(|account| account.tenant.0).collect();
    let instances: Vec<_> = accounts.iter().map(|account| account.instance.0).collect();
    let insert = sqlx::query(USAGE).bind(&tenants).bind(&instances).bind(events);
    insert.execute(&platform.pool).await.expect("usage");
    sqlx::raw_sql("ANALYZE").execute(&platform.pool).await.expect("statistics");
}

/// Accounts a second.
async fn bare(platform: &TestPlatform, accounts: &[Account]) -> f64 {
    let started = Instant::now();
    let caller = async |first: usize| {
        for account in accounts.iter().skip(first).step_by(CALLERS) {
            sqlx::query(BARE).bind(account.tenant.0).execute(&platform.pool).await.expect("an invoice");
        }
    };
    futures_util::future::join_all((0..CALLERS).map(caller)).await;
    accounts.len() as f64 / started.elapsed().as_secs_f64()
}

/// Seconds from the first numbered invoice to the last; closers find what is due by themselves.
async fn close(platform: &TestPlatform, accounts: &[Account]) -> f64 {
    let tenants: Vec<_> = accounts.iter().map(|account| account.tenant.0).collect();
    sqlx::query(DUE).bind(&tenants).execute(&platform.pool).await.expect("cycles are due");
    until_numbered(platform, 1).await;
    let started = Instant::now();
    until_numbered(platform, accounts.len() as i64).await;
    started.elapsed().as_secs_f64()
}

/// Closers look every ten seconds for what nobody has told them of.
async fn until_taken(platform: &TestPlatform) {
    let taken = "SELECT EXISTS (SELECT FROM cycle WHERE state <> 'open')";
    while !sqlx::query_scalar::<_, bool>(taken).fetch_one(&platform.pool).await.expect("an answer") {
        sleep(LOOK).await;
    }
}

async fn until_numbered(platform: &TestPlatform, many: i64) {
    while numbered(platform).await < many {
        sleep(LOOK).await;
    }
}

async fn numbered(platform: &TestPlatform) -> i64 {
    sqlx::query_scalar(NUMBERED).fetch_one(&platform.pool).await.expect("a count")
}

/// Resident memory of this process, in MiB (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>).
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("the process' status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}
