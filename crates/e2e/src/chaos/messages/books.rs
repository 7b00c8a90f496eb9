//! The books: what was written, and what came of it, as PostgreSQL and SQS have it.

use super::queues;
use crate::tour::guide::Guide;
use anyhow::{Context, Result};
use local_stack::tools;
use std::collections::BTreeMap;

const SERVICES: [&str; 6] = ["auth", "billing", "configurator", "mailer", "permission", "worker"];
/// In the database of the whole of an instance's posts, and in billing, by instance.
const POSTS: &str = "SELECT count(*) FROM posts";
const UNSAID: &str = "SELECT count(*) FROM platform.outbox";
const OUTBOX: &str = "SELECT count(*), count(*) FILTER (WHERE parked_at IS NOT NULL) FROM outbox";
const METERED: &str = "SELECT instance_id, sum(quantity)::bigint FROM usage_event GROUP BY instance_id";
const TENANTS: &str = "SELECT id FROM tenants WHERE kind = 'customer' ORDER BY id";
const ACCOUNTS: &str = "SELECT tenant_id FROM account ORDER BY tenant_id";
/// Somebody owns the tenant.
const OWNED: &str = "SELECT tenant_id FROM grants WHERE role_id = (SELECT id FROM roles WHERE name = 'owner'
    AND tenant_id IS NULL) ORDER BY tenant_id";
/// An instance that waits for its setup form waits for a person.
const INSTANCES: &str =
    "SELECT id, state FROM instances WHERE state NOT IN ('awaiting_setup', 'awaiting_proof', 'deleted')";
/// A product's command fails where its input is at fault; whoever was here before this had one do so.
const JOBS: &str = "SELECT state, count(*) FROM jobs WHERE NOT (kind = 'bundle.command' AND state = 'failed')
    GROUP BY state";
const JOBS_TWICE: &str = "SELECT count(*) FROM (SELECT FROM jobs WHERE kind IN ('instance.migrate', 'instance.seed')
    GROUP BY kind, instance_id HAVING count(*) > 1) AS twice";
const MAILS_QUEUED: &str = "SELECT count(*) FROM mails WHERE status = 'queued'";

/// What must be 0, and what was done.
#[derive(Default)]
pub struct Books {
    pub written: u64,
    pub metered: u64,
    pub tenants: u64,
    pub active: u64,
    pub jobs_done: u64,
    pub lost: u64,
    pub doubled: u64,
    pub stuck: u64,
    pub dead: u64,
    pub mistakes: Vec<String>,
}

impl Books {
    /// Whether all has arrived; what is lost or was doubled stays so, and is waited for in vain.
    pub fn is_at_rest(&self) -> bool {
        self.stuck == 0 && self.lost == 0
    }

    pub fn are_clean(&self) -> bool {
        [self.lost, self.doubled, self.stuck, self.dead] == [0; 4] && self.mistakes.is_empty()
    }

    fn compare(&mut self, what: &str, wanted: u64, found: u64) {
        self.lost += wanted.saturating_sub(found);
        self.doubled += found.saturating_sub(wanted);
        if wanted != found {
            self.mistakes.push(format!("{what}: {found} instead of {wanted}"));
        }
    }

    fn stuck(&mut self, what: &str, count: u64) {
        self.stuck += count;
        if count > 0 {
            self.mistakes.push(format!("{what}: {count}"));
        }
    }
}

/// Everything; of dead letters, those that were not there before.
pub async fn read(guide: &Guide, dead_before: u64) -> Result<Books> {
    let mut books = Books::default();
    // What is on its way first: what has left there is looked for further on.
    for service in SERVICES {
        unsaid(guide, service, &mut books).await?;
    }
    posts(guide, &mut books).await?;
    books.stuck("messages in queues", queues::waiting(guide).await?);
    jobs(guide, &mut books).await?;
    tenants(guide, &mut books).await?;
    books.stuck("mails that are not sent", number(guide, "mailer", MAILS_QUEUED).await?);
    books.dead = queues::dead(guide).await?.saturating_sub(dead_before);
    Ok(books)
}

async fn unsaid(guide: &Guide, service: &str, books: &mut Books) -> Result<()> {
    for row in rows(guide, service, OUTBOX).await? {
        books.stuck(&format!("messages in the outbox of {service}"), parsed(&row, 0)?);
        books.stuck(&format!("of them parked by {service}"), parsed(&row, 1)?);
    }
    Ok(())
}

/// Each forum's posts against what billing has metered of it.
async fn posts(guide: &Guide, books: &mut Books) -> Result<()> {
    let hosts = format!("SELECT id FROM instances WHERE state = 'active' AND host LIKE '{}'", super::traffic::HOSTS);
    let ours = rows(guide, "configurator", &hosts).await?;
    let (mut before, mut written) = (0, BTreeMap::new());
    for row in &ours {
        let (id, database) = (&row[0], format!("i_{}", row[0].replace('-', "")));
        before += number(guide, &database, UNSAID).await?;
        written.insert(id.clone(), number(guide, &database, POSTS).await?);
    }
    books.stuck("usage in the forums' outboxes", before);
    let metered: BTreeMap<_, _> = rows(guide, "billing", METERED)
        .await?
        .into_iter()
        .map(|row| Ok((row[0].clone(), parsed(&row, 1)?)))
        .collect::<Result<_>>()?;
    for (id, written) in written {
        let counted = metered.get(&id).copied().unwrap_or_default();
        books.compare(&format!("posts of {id} in billing"), written, counted);
        books.written += written;
        books.metered += counted;
    }
    Ok(())
}

async fn jobs(guide: &Guide, books: &mut Books) -> Result<()> {
    for row in rows(guide, "worker", JOBS).await? {
        match row[0].as_str() {
            "succeeded" => books.jobs_done = parsed(&row, 1)?,
            state => books.stuck(&format!("jobs that are {state}"), parsed(&row, 1)?),
        }
    }
    books.doubled += number(guide, "worker", JOBS_TWICE).await?;
    for row in rows(guide, "configurator", INSTANCES).await? {
        match row[1].as_str() {
            "active" => books.active += 1,
            state => books.stuck(&format!("the instance {} is {state}", row[0]), 1),
        }
    }
    Ok(())
}

/// Whoever auth knows has an account with billing and an owner in permission.
async fn tenants(guide: &Guide, books: &mut Books) -> Result<()> {
    let known = rows(guide, "auth", TENANTS).await?;
    books.tenants = known.len() as u64;
    for (service, sql) in [("billing", ACCOUNTS), ("permission", OWNED)] {
        let heard_of = rows(guide, service, sql).await?;
        let missing = known.iter().filter(|tenant| !heard_of.contains(tenant)).count() as u64;
        books.lost += missing;
        if missing > 0 {
            books.mistakes.push(format!("tenants that {service} does not know: {missing}"));
        }
    }
    Ok(())
}

async fn number(guide: &Guide, database: &str, sql: &str) -> Result<u64> {
    let rows = rows(guide, database, sql).await?;
    parsed(rows.first().context("a count is a row")?, 0)
}

/// Its rows, as text.
async fn rows(guide: &Guide, database: &str, sql: &str) -> Result<Vec<Vec<String>>> {
    let url = format!("{}{database}", guide.state.postgres_url.trim_end_matches("postgres"));
    let answer = tools::psql(&url, sql).await.with_context(|| format!("{sql} in {database}"))?;
    Ok(answer.lines().map(|row| row.split('|').map(str::to_owned).collect()).collect())
}

fn parsed(row: &[String], column: usize) -> Result<u64> {
    let text = row.get(column).context("the row has fewer columns")?;
    text.parse().with_context(|| format!("{text} is no number"))
}
