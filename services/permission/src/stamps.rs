//! How does the cache forget? A change owes Redis a new stamp; the debt is committed with the change and paid after it.
//!
//! Whoever must not answer before the stamp is there pays at once ([`Stamps::pay`]); [`run`] pays what is left, such as the debts
//! of message handlers, which cannot act after their commit, and those that an outage of Redis or a crash left behind.

use access::RecordStore;
use common::db;
use contracts::id::{Principal, TenantId};
use sqlx::{PgConnection, PgPool, PgTransaction, postgres::PgListener};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Debts read at once.
const BATCH: i64 = 500;
/// Looks for debts this often even if no commit woke it: notifications are lost while the connection is.
const POLL: Duration = Duration::from_secs(1);

/// Puts new stamps into Redis; cheap to clone.
#[derive(Clone)]
pub struct Stamps {
    pool: PgPool,
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
pub async fn owe(conn: &mut PgConnection, tenant: TenantId, principal: &Principal) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO owed_stamps (tenant_id, principal) VALUES ($1, $2)", tenant.0, principal.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// In the transaction of the change: no record of the tenant must count any more.
pub async fn owe_tenant(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO owed_stamps (tenant_id) VALUES ($1)", tenant.0).execute(conn).await?;
    Ok(())
}

/// In the transaction of a change of the catalog: no record of any tenant must count any more.
pub async fn owe_everybody(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO owed_stamps (tenant_id) SELECT id FROM tenants").execute(conn).await?;
    Ok(())
}

/// Makes the commit wake [`run`], for changes whose author cannot pay.
pub async fn leave_to_background(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify('owed_stamps', '')").execute(conn).await?;
    Ok(())
}

impl Stamps {
    pub fn new(pool: PgPool, store: RecordStore) -> Self {
        Self { pool, store }
    }

    /// Pays what is owed, after the commit. A debt is deleted only by one who stamped after reading it, so a debt that is
    /// gone was paid, and two who pay at once merely stamp twice.
    pub async fn pay(&self, debts: Debts) -> Result<(), Unpaid> {
        loop {
            let owed = owed(&mut *self.begin(debts).await?, debts).await?;
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
            let mut tx = self.begin(debts).await?;
            sqlx::query!("DELETE FROM owed_stamps WHERE id = ANY($1)", &ids).execute(&mut *tx).await?;
            tx.commit().await?;
            if (owed.len() as i64) < BATCH {
                return Ok(());
            }
        }
    }

    async fn begin(&self, debts: Debts) -> sqlx::Result<PgTransaction<'static>> {
        db::begin_for(&self.pool, debts.tenant()).await
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

async fn owed(conn: &mut PgConnection, debts: Debts) -> sqlx::Result<Vec<Debt>> {
    let tenant = debts.tenant().map(|tenant| tenant.0);
    sqlx::query_as!(Debt, "SELECT id, tenant_id AS tenant, principal FROM owed_stamps WHERE ($1::uuid IS NULL OR tenant_id = $1) LIMIT $2", tenant, BATCH)
        .fetch_all(conn)
        .await
}

/// Pays until `shutdown`, through any outage of PostgreSQL or Redis.
pub async fn run(stamps: Stamps, shutdown: CancellationToken) {
    let wake = Notify::new();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = pay_for_ever(&stamps, &wake) => {}
        () = listen(&stamps.pool, &wake) => {}
    }
}

async fn pay_for_ever(stamps: &Stamps, wake: &Notify) {
    loop {
        if let Err(error) = stamps.pay(Debts::All).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "Stamps are owed and cannot be written yet");
        }
        let _ = tokio::time::timeout(POLL, wake.notified()).await;
    }
}

async fn listen(pool: &PgPool, wake: &Notify) {
    loop {
        if let Err(error) = pass_on_notifications(pool, wake).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "Commits do not wake the stamping; it polls");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn pass_on_notifications(pool: &PgPool, wake: &Notify) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("owed_stamps").await?;
    loop {
        listener.recv().await?;
        wake.notify_one();
    }
}
