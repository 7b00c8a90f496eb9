//! Places for reads that take the database long: a few at once in a process, fewer of one tenant, each for a short time.

use common::{db::TenantTx, problem::Problem};
use contracts::id::TenantId;
use sqlx::AssertSqlSafe;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Reads of one process at once: they leave most of its connections to others.
const MOST: usize = 4;
/// Of these, those of one tenant: there is room for others then.
const MOST_OF_A_TENANT: usize = 2;
/// Longest time that a statement of such a read may take: as many events as one answer adds up take 3 s.
const LONGEST: Duration = Duration::from_secs(5);
/// Seconds after which somebody who found no place, or took too long, may ask again.
const RETRY_AFTER: u32 = 5;
/// SQLSTATE of a statement that was ended by its time limit.
const QUERY_CANCELED: &str = "57014";

/// Who reads now; cheap to clone.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<TenantId, usize>>>);

/// A place, until it is dropped.
pub struct Place {
    places: Places,
    tenant: TenantId,
}

impl Places {
    /// # Errors
    /// 503 if there is no place. Nobody waits for one: whoever waits would keep more than it.
    pub fn take(&self, tenant: TenantId) -> Result<Place, Problem> {
        let mut taken = self.lock();
        let own = taken.get(&tenant).copied().unwrap_or_default();
        if own >= MOST_OF_A_TENANT || taken.values().sum::<usize>() >= MOST {
            metrics::counter!("heavy_reads_refused_total").increment(1);
            return Err(Problem::unavailable(RETRY_AFTER, "Too many such reads are under way."));
        }
        taken.insert(tenant, own + 1);
        drop(taken);
        Ok(Place { places: self.clone(), tenant })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match taken.get_mut(&self.tenant) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.tenant)),
        }
    }
}

/// Bounds how long each statement of this transaction may take.
pub async fn bound(tx: &mut TenantTx) -> sqlx::Result<()> {
    let bound = AssertSqlSafe(format!("SET LOCAL statement_timeout = '{}s'", LONGEST.as_secs()));
    sqlx::raw_sql(bound).execute(&mut **tx).await.map(drop)
}

/// What a caller is told: 503 if a statement came to the end of its time.
pub fn refused(error: sqlx::Error) -> Problem {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.is_none_or(|code| code != QUERY_CANCELED) {
        return error.into();
    }
    metrics::counter!("heavy_reads_cut_total").increment(1);
    Problem::unavailable(RETRY_AFTER, "The read took too long. Ask for a shorter time, or again later.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_tenant_has_some_of_the_places_and_gives_them_back() {
        let (places, tenants) = (Places::default(), [1, 2, 3].map(|id| TenantId(Uuid::from_u128(id))));
        let taken: Vec<_> = [0, 0, 1, 2].map(|of| places.take(tenants[of]).ok()).into_iter().collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(tenants.iter().all(|tenant| places.take(*tenant).is_err()), "all are taken");
        drop(taken);
        let own = [(); 3].map(|()| places.take(tenants[0]).ok());
        assert_eq!(own.each_ref().map(Option::is_some), [true, true, false]);
        assert!(places.take(tenants[1]).is_ok());
        drop(own);
        assert!(places.lock().is_empty());
    }
}
