//! How does the cache forget? A change owes Redis a new stamp; the debt is committed with the change and paid after it.
//!
//! Whoever must not answer before the stamp is there pays at once ([`Stamps::pay`]); [`run`] pays what is left, such as the debts
//! of message handlers, which cannot act after their commit, and those that an outage of Redis or a crash left behind.

use access::RecordStore;
use common::{
    db::{CrossTenantTx, Db, Scoped, TenantTx},
    poller::Poller,
};
use contracts::id::{Principal, TenantId};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Debts read at once.
const BATCH: i64 = 500;
/// What a commit wakes [`run`] for.
const OWED: &str = "owed stamps";
/// Looks for debts this often: a process that ended left some, and other processes wake nobody here.
const POLL: Duration = Duration::from_secs(1);

/// Puts new stamps into Redis; cheap to clone.
#[derive(Clone)]
pub struct Stamps {
    db: Db,
    store: RecordStore,
}

/// Which debts to pay.
#[derive(Clone, Copy)]
pub enum Debts {
    Of(TenantId),
    All,
}

/// The stamp is still owed.
#[derive(Debug, thiserror::Error)]
pub enum Unpaid {
    #[error("the debts cannot be read")]
    Database(#[from] sqlx::Error),
    #[error("Redis does not take the stamp")]
    Redis(#[from] redis::RedisError),
    #[error("a debt names no principal")]
    Principal(#[from] contracts::id::NotAPrincipal),
}

struct Debt {
    id: Uuid,
    tenant: TenantId,
    principal: Option<String>,
}

/// In the transaction of the change: the principal's records must not count any more.
pub async fn owe(tx: &mut TenantTx, principal: &Principal) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO owed_stamps (tenant_id, principal) VALUES ($1, $2)",
        tx.tenant().0,
        principal.to_string()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// In the transaction of the change: no record of the tenant must count any more.
pub async fn owe_tenant(tx: &mut TenantTx) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO owed_stamps (tenant_id) VALUES ($1)", tx.tenant().0).execute(&mut **tx).await?;
    Ok(())
}

/// In the transaction of a change of the catalog: no record of any tenant must count any more.
pub async fn owe_everybody(tx: &mut CrossTenantTx) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO owed_stamps (tenant_id) SELECT id FROM tenants").execute(&mut **tx).await?;
    Ok(())
}

/// Makes the commit wake [`run`], for changes whose author cannot pay.
pub fn leave_to_background(tx: &mut impl Scoped) {
    tx.wake(OWED);
}

impl Stamps {
    pub fn new(db: Db, store: RecordStore) -> Self {
        Self { db, store }
    }

    /// Pays what is owed, after the commit. A debt is deleted only by one who stamped after reading it, so a debt that is
    /// gone was paid, and two who pay at once merely stamp twice.
    pub async fn pay(&self, debts: Debts) -> Result<(), Unpaid> {
        loop {
            let owed = owed(&mut self.begin().await?, debts).await?;
            if owed.is_empty() {
                return Ok(());
            }
            for debt in &owed {
                match &debt.principal {
                    Some(principal) => self.store.restamp_principal(debt.tenant, &principal.parse()?).await?,
                    None => self.store.restamp_tenant(debt.tenant).await?,
                }
            }
            let ids: Vec<Uuid> = owed.iter().map(|debt| debt.id).collect();
            let mut tx = self.begin().await?;
            sqlx::query!("DELETE FROM owed_stamps WHERE id = ANY($1)", &ids).execute(&mut *tx).await?;
            tx.commit().await?;
            if (owed.len() as i64) < BATCH {
                return Ok(());
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "debts are paid after the transactions that made them")]
    async fn begin(&self) -> sqlx::Result<CrossTenantTx> {
        self.db.begin_across_tenants().await
    }
}

impl Debts {
    fn tenant(self) -> Option<TenantId> {
        match self {
            Self::Of(tenant) => Some(tenant),
            Self::All => None,
        }
    }
}

async fn owed(tx: &mut CrossTenantTx, debts: Debts) -> sqlx::Result<Vec<Debt>> {
    let tenant = debts.tenant().map(|tenant| tenant.0);
    sqlx::query_as!(Debt, "SELECT id, tenant_id AS tenant, principal FROM owed_stamps WHERE ($1::uuid IS NULL OR tenant_id = $1) LIMIT $2", tenant, BATCH)
        .fetch_all(&mut **tx)
        .await
}

/// Pays until `shutdown`, through any outage of PostgreSQL or Redis.
pub async fn run(stamps: Stamps, shutdown: CancellationToken) {
    let mut poller = Poller::new(stamps.db.wake(OWED), POLL, shutdown);
    while poller.next().await {
        let paid = stamps.pay(Debts::All).await.map(|()| false);
        poller.report(paid, "Stamps are owed and cannot be written yet");
    }
}
