//! Limits of invitations: how many mails may a tenant cause? Counted in the rows themselves, in the transaction that
//! writes one.

use super::{
    model::{Limit, Used},
    store,
};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::TenantTx,
    problem::{Problem, Quota},
};

/// A team at a time.
const AN_HOUR: Limit = Limit { most: 20, window: TimeDelta::hours(1) };
/// A company in a week; a stranger's advertisement does not pay at this rate.
const A_DAY: Limit = Limit { most: 100, window: TimeDelta::days(1) };
/// To one address from one tenant: a mistake, its correction, and a reminder.
const AN_ADDRESS_A_DAY: Limit = Limit { most: 3, window: TimeDelta::days(1) };
/// More than this nobody keeps an eye on.
pub const MOST_OPEN: i64 = 200;

impl Limit {
    /// What is left for others once one more is counted; 429 if there is no room for it.
    fn take(&self, now: DateTime<Utc>, used: &Used) -> Result<Quota, Problem> {
        let number = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        let reset = used.since.map_or(self.window, |since| since + self.window - now).num_seconds() + 1;
        let left = self.most - used.count;
        let quota = Quota {
            limit: number(self.most),
            window: number(self.window.num_seconds()),
            remaining: number(left - 1),
            reset: number(reset),
        };
        if left > 0 { Ok(quota) } else { Err(too_many(quota)) }
    }
}

/// What the tenant has left after one more mail to `email`: of the limit that is used up first. The tenant must be
/// locked.
pub async fn take(tx: &mut TenantTx, email: &str, now: DateTime<Utc>) -> Result<Quota, Problem> {
    AN_ADDRESS_A_DAY.take(now, &store::used(tx, Some(email), &AN_ADDRESS_A_DAY, now).await?)?;
    let hour = AN_HOUR.take(now, &store::used(tx, None, &AN_HOUR, now).await?)?;
    let day = A_DAY.take(now, &store::used(tx, None, &A_DAY, now).await?)?;
    Ok(if day.remaining < hour.remaining { day } else { hour })
}

fn too_many(quota: Quota) -> Problem {
    Problem::too_many_requests(
        "too_many_invitations",
        "The tenant has sent as many invitations as it may for now.",
        quota,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_for_the_next() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let since = Some(now - TimeDelta::minutes(50));
        let left = AN_HOUR.take(now, &Used { count: 18, since }).unwrap();
        assert_eq!(left, Quota { limit: 20, window: 3600, remaining: 1, reset: 601 });
        let refused = AN_HOUR.take(now, &Used { count: 20, since }).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(601)));
    }
}
