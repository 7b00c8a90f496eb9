//! SQL of plans, their versions and rates.

use super::{Aggregation, Kind, Plan, PlanVersion, Rate, price_list::PriceList};
use crate::{calendar::Span, currency::Currency, pricing::Charge};
use common::{db::TenantTx, page::PageRequest};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Keeps the plan unless there is one of its name, and gives the one that is kept.
pub async fn keep(conn: &mut PgConnection, plan: &Plan) -> sqlx::Result<Plan> {
    sqlx::query!(
        "INSERT INTO plan (id, name, service, title) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        plan.id,
        plan.name,
        plan.service,
        plan.title
    )
    .execute(&mut *conn)
    .await?;
    // Also holds it: its versions are published one after the other.
    let kept = sqlx::query_as!(Plan, "SELECT id, name, service, title FROM plan WHERE name = $1 FOR UPDATE", plan.name);
    kept.fetch_one(conn).await
}

/// Publishes a version with its rates; `false` if there is one of that name.
pub async fn publish(conn: &mut PgConnection, version: &PlanVersion, rates: &[Rate]) -> sqlx::Result<bool> {
    let published = sqlx::query!(
        "INSERT INTO plan_version (id, plan, version, published_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        version.id,
        version.plan,
        version.version,
        version.published_at
    );
    if published.execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    for rate in rates {
        insert(conn, rate).await?;
    }
    Ok(true)
}

/// Whether a version of the plan is as late as this one, or later.
pub async fn has_reached(conn: &mut PgConnection, plan: &str, version: &str) -> sqlx::Result<bool> {
    let reached = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM plan_version WHERE plan = $1
           AND release >= string_to_array($2, '.')::bigint[]) AS "reached!""#,
        plan,
        version
    );
    reached.fetch_one(conn).await
}

/// Plans of one service or of all, in the order of their ids.
pub async fn page(conn: &mut PgConnection, service: Option<&str>, page: PageRequest) -> sqlx::Result<Vec<Plan>> {
    let plans = sqlx::query_as!(
        Plan,
        "SELECT id, name, service, title FROM plan WHERE ($1::text IS NULL OR service = $1) AND id > $2
         ORDER BY id LIMIT $3",
        service,
        page.after,
        page.fetch()
    );
    plans.fetch_all(conn).await
}

/// Whether there is a service of this name that has a plan.
pub async fn has_service(conn: &mut PgConnection, service: &str) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM plan WHERE service = $1) AS "found!""#, service);
    found.fetch_one(conn).await
}

/// Versions of a plan, in the order of their ids.
pub async fn versions(conn: &mut PgConnection, plan: &str, page: PageRequest) -> sqlx::Result<Vec<PlanVersion>> {
    let versions = sqlx::query_as!(
        PlanVersion,
        "SELECT id, plan, version, published_at FROM plan_version WHERE plan = $1 AND id > $2 ORDER BY id LIMIT $3",
        plan,
        page.after,
        page.fetch()
    );
    versions.fetch_all(conn).await
}

pub async fn version(conn: &mut PgConnection, plan: &str, version: &str) -> sqlx::Result<Option<PlanVersion>> {
    let found = sqlx::query_as!(
        PlanVersion,
        "SELECT id, plan, version, published_at FROM plan_version WHERE plan = $1 AND version = $2",
        plan,
        version
    );
    found.fetch_optional(conn).await
}

pub async fn find_plan(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<Plan>> {
    sqlx::query_as!(Plan, "SELECT id, name, service, title FROM plan WHERE name = $1", name).fetch_optional(conn).await
}

async fn insert(conn: &mut PgConnection, rate: &Rate) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO rate (id, plan, version, kind, name, title, unit, aggregation, charge, currency, tax_group)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        rate.id,
        rate.plan,
        rate.version,
        rate.kind as Kind,
        rate.name,
        rate.title,
        rate.unit,
        rate.aggregation as Aggregation,
        &rate.charge as &Json<Charge>,
        rate.currency.code(),
        rate.tax_group
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The columns of a [`Rate`].
macro_rules! rates {
    ($rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Rate,
            r#"SELECT id, plan, version, kind AS "kind: Kind", name, title, unit,
                 aggregation AS "aggregation: Aggregation", charge AS "charge: Json<Charge>",
                 currency AS "currency: Currency", tax_group FROM rate WHERE "# + $rest,
            $($argument),+
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Rate>> {
    rates!("id = $1", id).fetch_optional(conn).await
}

/// The rates of a version, in the order of their names.
pub async fn rates(conn: &mut PgConnection, plan: &str, version: &str) -> sqlx::Result<Vec<Rate>> {
    rates!("plan = $1 AND version = $2 ORDER BY kind, name, currency", plan, version).fetch_all(conn).await
}

/// What everything costs the tenant in this currency.
pub async fn price_list(tx: &mut TenantTx, currency: &str) -> sqlx::Result<PriceList> {
    let rows = sqlx::query!(
        r#"SELECT service AS "service!", nullif(from_at, '-infinity') AS from_at, until_at,
             nullif(rate_from_at, '-infinity') AS rate_from_at, id AS "id?",
             plan AS "plan!", version AS "version?", kind AS "kind?: Kind", name AS "name?", title AS "title?",
             unit AS "unit?", aggregation AS "aggregation?: Aggregation", charge AS "charge?: Json<Charge>",
             currency AS "currency?: Currency", tax_group AS "tax_group?"
           FROM tenant_rate WHERE tenant_id = $1 ORDER BY service, tenant_rate.from_at"#,
        tx.tenant().0
    );
    let mut list = PriceList::default();
    for row in rows.fetch_all(&mut **tx).await? {
        let span =
            Span { from: row.from_at.unwrap_or(Span::ALWAYS.from), until: row.until_at.unwrap_or(Span::ALWAYS.until) };
        let rate = (|| {
            Some(Rate {
                id: row.id?,
                plan: row.plan.clone(),
                version: row.version?,
                kind: row.kind?,
                name: row.name?,
                title: row.title?,
                unit: row.unit?,
                aggregation: row.aggregation?,
                charge: row.charge?,
                currency: row.currency?,
                tax_group: row.tax_group?,
            })
        })();
        list.add_term(&row.service, &row.plan, span);
        if let Some(rate) = rate.filter(|rate| rate.currency.code() == currency) {
            list.add_rate(Span { from: row.rate_from_at.unwrap_or(Span::ALWAYS.from), ..span }, rate);
        }
    }
    Ok(list)
}
