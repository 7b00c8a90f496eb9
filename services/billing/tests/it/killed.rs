//! A test of closers that die at any moment: each account has its invoice exactly once, and numbers have no gaps.

use crate::world::World;
use test_support::eventually;

const ACCOUNTS: i64 = 1_000;
const POSTS: i64 = 20;
/// Accounts with an instance of the forum, in use since the begin of a month that is over, and posts in it.
const USED: &str = "
    CREATE TABLE made AS SELECT gen_random_uuid() AS tenant, gen_random_uuid() AS instance FROM generate_series(1, 1000);
    INSERT INTO account (tenant_id, name, email, currency, created_at)
    SELECT tenant, 'Acme', 'ada@acme.test', 'EUR', now() FROM made;
    INSERT INTO subscription (tenant_id, service, begin_at, plan, version, agreed_at)
    SELECT tenant, 'forum', '-infinity', 'forum', '1.0.0', now() FROM made;
    INSERT INTO usage_interval (id, tenant_id, instance_id, service, feature, host, begin_at, billed_until)
    SELECT gen_random_uuid(), tenant, instance, 'forum', 'forum', 'acme.forum.localhost', at, at
    FROM made, (SELECT now() - interval '31 days' AS at) AS begin;
    INSERT INTO usage_event (tenant_id, id, seq, service, instance_id, meter, key, quantity, occurred_at, received_at)
    SELECT tenant, (left(lowest_id_at(now())::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid,
      nextval('usage_seq'), 'forum', instance, 'forum.posts', 'posts:' || n, 1, now() - interval '1 day', now()
    FROM made, generate_series(1, 20) AS n;
    ANALYZE";
const DUE: &str = "
    INSERT INTO cycle (id, tenant_id, state, start_at, end_at, due_at)
    SELECT gen_random_uuid(), tenant, 'open', now() - interval '31 days', now() - interval '1 hour', now() FROM made";
/// Whoever has a session of the service's is cut off, wherever it is, by chance.
const KILL: &str = "
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename <> current_user AND random() < 0.2";
const NUMBERED: &str = "SELECT count(*) FROM invoice_status WHERE number IS NOT NULL";

#[tokio::test]
async fn closers_that_die_anywhere_bill_each_account_once_and_number_without_gaps() {
    let world = World::start().await;
    world.publish_forum().await;
    let pool = &world.platform.pool;
    sqlx::raw_sql(USED).execute(pool).await.expect("accounts and their usage");
    let run = || world.platform.run::<billing::Billing>(world.settings.clone());
    let _others = tokio::join!(run(), run());
    sqlx::raw_sql(DUE).execute(pool).await.expect("cycles that are due");
    let killed = async || sqlx::query_scalar::<_, i64>(KILL).fetch_one(pool).await.expect("sessions of the service");
    let mut cut_off = 0;
    for share in [2, 4, 6, 8] {
        eventually("more invoices are made", async || {
            (world.count(NUMBERED).await >= ACCOUNTS * share / 10).then_some(())
        })
        .await;
        cut_off += killed().await;
    }
    assert!(cut_off > 0, "nobody was cut off");
    world.counted(NUMBERED, ACCOUNTS).await;

    for (sql, expected) in [
        ("SELECT count(DISTINCT cycle_id) FROM invoice", ACCOUNTS),
        ("SELECT count(*) FROM invoice", ACCOUNTS),
        ("SELECT max(number) FROM invoice_status", ACCOUNTS),
        ("SELECT count(DISTINCT number) FROM invoice_status", ACCOUNTS),
        ("SELECT sum(events)::bigint FROM usage_part WHERE line_id IS NOT NULL", ACCOUNTS * POSTS),
        ("SELECT count(DISTINCT total_minor) FROM invoice", 1),
        ("SELECT count(*) FROM cycle WHERE state = 'closing' OR parked_reason IS NOT NULL", 0),
    ] {
        assert_eq!(world.count(sql).await, expected, "{sql}");
    }
}
