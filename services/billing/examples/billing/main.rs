//! What billing bears: usage taken over HTTP, previews, month ends of many accounts, and the close of one large account,
//! each beside its floor of bare SQL. `cargo xtask bench billing` runs it, on a PostgreSQL, Redis and an emulator of its own;
//! prints rows of the table `measured | a second | beside | wanted`.

mod closing;
mod ingest;
mod preview;

use contracts::id::{InstanceId, TenantId};
use test_support::TestPlatform;

const ACCOUNT: &str = "
    INSERT INTO account (tenant_id, name, email, currency, created_at)
    SELECT id, 'Acme', 'ada@acme.test', 'EUR', now() FROM UNNEST($1::uuid[]) AS id";
/// A month that is over, and is due when somebody says so.
const CYCLE: &str = "
    INSERT INTO cycle (id, tenant_id, state, start_at, end_at, due_at)
    SELECT gen_random_uuid(), id, 'open', now() - interval '31 days', now(), now() + interval '1 year'
    FROM UNNEST($1::uuid[]) AS id";
const INTERVAL: &str = "
    INSERT INTO usage_interval (id, tenant_id, instance_id, service, feature, host, begin_at, billed_until, version)
    SELECT gen_random_uuid(), tenant, instance, 'forum', 'forum', 'acme.forum.localhost', now() - interval '31 days',
        now() - interval '31 days', '1.0.0'
    FROM UNNEST($1::uuid[], $2::uuid[]) AS use (tenant, instance)";
const SUBSCRIPTION: &str = "
    INSERT INTO subscription (tenant_id, service, begin_at, plan, version, agreed_at)
    SELECT id, 'forum', '-infinity', 'forum', '1.0.0', now() FROM UNNEST($1::uuid[]) AS id";
const PLAN: &str = r#"
    INSERT INTO plan (id, name, service, title) VALUES (gen_random_uuid(), 'forum', 'forum', 'Forum');
    INSERT INTO plan_version (id, plan, version, published_at) VALUES (gen_random_uuid(), 'forum', '1.0.0', now());
    INSERT INTO rate (id, plan, version, kind, name, title, unit, aggregation, charge, currency) VALUES
        (gen_random_uuid(), 'forum', '1.0.0', 'feature', 'forum', 'Forum', 'hour', 'sum',
         '{"model": "per_hour", "price": "0.36"}', 'EUR'),
        (gen_random_uuid(), 'forum', '1.0.0', 'meter', 'forum.posts', 'Posts', 'post', 'sum',
         '{"model": "per_unit", "price": "0.005"}', 'EUR')"#;

/// An account with an instance of the forum in use.
#[derive(Clone, Copy)]
pub struct Account {
    pub tenant: TenantId,
    pub instance: InstanceId,
}

#[tokio::main]
async fn main() {
    ingest::measure().await;
    preview::measure().await;
    closing::month_end().await;
    closing::large_account().await;
}

pub async fn accounts(platform: &TestPlatform, many: usize) -> Vec<Account> {
    let account = |_| Account { tenant: platform.tenant(), instance: InstanceId(platform.ambient.uuid()) };
    let accounts: Vec<_> = (0..many).map(account).collect();
    let tenants: Vec<_> = accounts.iter().map(|account| account.tenant.0).collect();
    let instances: Vec<_> = accounts.iter().map(|account| account.instance.0).collect();
    let pool = &platform.pool;
    sqlx::query(ACCOUNT).bind(&tenants).execute(pool).await.expect("accounts");
    sqlx::query(CYCLE).bind(&tenants).execute(pool).await.expect("cycles");
    sqlx::query(INTERVAL).bind(&tenants).bind(&instances).execute(pool).await.expect("instances");
    sqlx::query(SUBSCRIPTION).bind(&tenants).execute(pool).await.expect("subscriptions");
    accounts
}

pub async fn publish(platform: &TestPlatform) {
    sqlx::raw_sql(PLAN).execute(&platform.pool).await.expect("a plan");
}
