//! Transactions that know their scope: one tenant, all tenants, or none.
//!
//! Every query has the tenant in its `WHERE`; row-level security is what stands when one forgets. A transaction tells
//! PostgreSQL its scope as it begins, in the same round trip.
//!
//! | type | sees | comes from |
//! | --- | --- | --- |
//! | [`TenantTx`] | one tenant's rows | a caller, a message, [`CrossTenantTx::enter`], [`Lookup::enter`] |
//! | [`CrossTenantTx`] | every tenant's | an operator, an internal caller, a message, [`Background`](super::Background) |
//! | [`Lookup`] | every tenant's, only to read | anybody: what a secret, a host or an address stands for |
//! | [`TenantlessTx`] | rows that are no tenant's | anybody |

use super::pool::Db;
use crate::poller::Wake;
use contracts::id::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, PgTransaction};
use std::{
    fmt::Display,
    ops::{Deref, DerefMut},
    pin::Pin,
};
use uuid::Uuid;

const READ_COMMITTED: &str = "BEGIN";
const READ_ONLY: &str = "BEGIN READ ONLY";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// In the place of a tenant: every tenant's rows, and those of none.
const EVERY_TENANT: &str = "*";

/// A transaction in which messages are published and loops are woken.
pub trait Scoped: DerefMut<Target = PgConnection> + Send {
    /// The tenant whose transaction it is; `None` across tenants.
    fn tenant_if_one(&self) -> Option<TenantId>;
    fn db(&self) -> &Db;
    /// The commit wakes the loop of this process that does this `work`; a rollback does not.
    fn wake(&mut self, work: &'static str);
    /// The commit writes this before all else that it does; a rollback does not.
    fn write_last(&mut self, last: impl Last);
}

/// What a transaction writes last, right before its commit, since others wait for it from then on.
pub trait Last: Send + 'static {
    /// What others wait for. Every transaction writes in the order of these, so that no two wait for each other.
    fn place(&self) -> Uuid;

    fn write(self: Box<Self>, conn: &mut PgConnection) -> Written<'_>;
}

/// What [`Last::write`] comes to.
pub type Written<'a> = Pin<Box<dyn Future<Output = sqlx::Result<()>> + Send + 'a>>;

/// Sees and writes one tenant's rows.
pub struct TenantTx {
    tx: PgTransaction<'static>,
    db: Db,
    tenant: TenantId,
    wakes: Vec<Wake>,
    lasts: Vec<Box<dyn Last>>,
}

/// Sees and writes every tenant's rows, unless it is narrowed, as the second field says.
pub struct CrossTenantTx(TenantTx, bool);

/// Reads every tenant's rows, and writes none.
pub struct Lookup(TenantTx);

/// Sees and writes only rows that are no tenant's.
pub struct TenantlessTx(TenantTx);

/// The right to a tenant's transactions, for what takes several: no connection is held while a service or a hash is
/// waited for.
#[derive(Clone)]
pub struct TenantScope {
    db: Db,
    tenant: TenantId,
}

impl TenantScope {
    pub(super) fn new(db: &Db, tenant: TenantId) -> Self {
        Self { db: db.clone(), tenant }
    }

    pub async fn begin(&self) -> sqlx::Result<TenantTx> {
        self.db.begin_as(READ_COMMITTED, self.tenant, self.tenant).await
    }
}

impl Db {
    /// For what one tenant asks for. Callers, messages and background tasks bring their own way to begin.
    pub async fn begin(&self, tenant: TenantId) -> sqlx::Result<TenantTx> {
        self.begin_as(READ_COMMITTED, tenant, tenant).await
    }

    /// As [`Db::begin`], only to read, and all that is read is of one instant.
    pub async fn begin_snapshot(&self, tenant: TenantId) -> sqlx::Result<TenantTx> {
        self.begin_as(SNAPSHOT, tenant, tenant).await
    }

    /// For what acts for no tenant in particular. Callers, messages and background tasks bring their own way to begin.
    pub async fn begin_across_tenants(&self) -> sqlx::Result<CrossTenantTx> {
        Ok(CrossTenantTx(self.begin_as(READ_COMMITTED, EVERY_TENANT, NOBODY).await?, false))
    }

    /// For strangers, of whom only a secret, a host or an address is known yet: finds out whose it is.
    pub async fn begin_lookup(&self) -> sqlx::Result<Lookup> {
        self.begin_as(READ_ONLY, EVERY_TENANT, NOBODY).await.map(Lookup)
    }

    /// For rows that are no tenant's; the walls show it no others.
    pub async fn begin_tenantless(&self) -> sqlx::Result<TenantlessTx> {
        let tx = self.pool().begin().await?;
        Ok(TenantlessTx(TenantTx::new(tx, self, NOBODY)))
    }

    /// One round trip. The setting ends with the transaction, so the next one to get the connection starts with none.
    async fn begin_as(&self, begin: &str, scope: impl Display, tenant: TenantId) -> sqlx::Result<TenantTx> {
        let begin = AssertSqlSafe(format!("{begin}; {}", set_scope(scope)));
        Ok(TenantTx::new(self.pool().begin_with(begin).await?, self, tenant))
    }
}

/// Of a transaction that is not one tenant's; its type keeps anybody from asking.
const NOBODY: TenantId = TenantId(Uuid::nil());

fn set_scope(scope: impl Display) -> String {
    format!("SET LOCAL sevenleague.tenant = '{scope}'")
}

impl TenantTx {
    fn new(tx: PgTransaction<'static>, db: &Db, tenant: TenantId) -> Self {
        Self { tx, db: db.clone(), tenant, wakes: Vec::new(), lasts: Vec::new() }
    }

    /// Whose rows these are.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The right to the next transaction of the same tenant.
    pub fn scope(&self) -> TenantScope {
        TenantScope::new(&self.db, self.tenant)
    }

    /// Takes everything back, and waits until it is.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.tx.rollback().await
    }

    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.lasts.sort_by_key(|last| last.place());
        for last in self.lasts {
            last.write(&mut self.tx).await?;
        }
        self.tx.commit().await?;
        self.wakes.iter().for_each(Wake::wake);
        Ok(())
    }
}

impl CrossTenantTx {
    /// From now on the transaction sees this tenant's rows only; it is committed where it was begun.
    pub async fn narrow(&mut self, tenant: TenantId) -> sqlx::Result<&mut TenantTx> {
        if !self.1 || self.0.tenant != tenant {
            sqlx::raw_sql(AssertSqlSafe(set_scope(tenant))).execute(&mut *self.0.tx).await?;
            (self.0.tenant, self.1) = (tenant, true);
        }
        Ok(&mut self.0)
    }

    /// As [`CrossTenantTx::narrow`], for good.
    pub async fn enter(mut self, tenant: TenantId) -> sqlx::Result<TenantTx> {
        self.narrow(tenant).await?;
        Ok(self.0)
    }

    /// Takes back a [`CrossTenantTx::narrow`], for a transaction that several messages share.
    pub async fn widen(&mut self) -> sqlx::Result<()> {
        if self.1 {
            sqlx::raw_sql(AssertSqlSafe(set_scope(EVERY_TENANT))).execute(&mut *self.0.tx).await?;
            (self.0.tenant, self.1) = (NOBODY, false);
        }
        Ok(())
    }

    pub async fn commit(self) -> sqlx::Result<()> {
        self.0.commit().await
    }
}

impl Lookup {
    /// Ends the look-up, and begins the transaction of the tenant that was found.
    pub async fn enter(self, tenant: TenantId) -> sqlx::Result<TenantTx> {
        self.found(tenant).begin().await
    }

    /// As [`Lookup::enter`], for later.
    pub fn found(self, tenant: TenantId) -> TenantScope {
        TenantScope::new(&self.0.db, tenant)
    }
}

impl TenantlessTx {
    pub async fn commit(self) -> sqlx::Result<()> {
        self.0.commit().await
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

impl Scoped for TenantTx {
    fn tenant_if_one(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn db(&self) -> &Db {
        &self.db
    }

    fn wake(&mut self, work: &'static str) {
        let wake = self.db.wake(work);
        self.wakes.push(wake);
    }

    fn write_last(&mut self, last: impl Last) {
        self.lasts.push(Box::new(last));
    }
}

/// Derefs to the connection, as [`TenantTx`] does.
macro_rules! connection {
    ($($name:ident),+) => {$(
        impl Deref for $name {
            type Target = PgConnection;
            fn deref(&self) -> &PgConnection {
                &self.0.tx
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut PgConnection {
                &mut self.0.tx
            }
        }
    )+};
}

/// Publishes for no tenant.
macro_rules! scoped {
    ($($name:ident),+) => {$(
        impl Scoped for $name {
            fn tenant_if_one(&self) -> Option<TenantId> {
                None
            }

            fn db(&self) -> &Db {
                &self.0.db
            }

            fn wake(&mut self, work: &'static str) {
                self.0.wake(work);
            }

            fn write_last(&mut self, last: impl Last) {
                self.0.write_last(last);
            }
        }
    )+};
}

connection!(CrossTenantTx, Lookup, TenantlessTx);
scoped!(CrossTenantTx, TenantlessTx);
