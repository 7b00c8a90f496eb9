//! Rate of mails with links: how many does an address get, whoever asks for them?
//!
//! Strangers can ask for mails to anybody, so there is a bound over all of them. But nobody's mail is dropped for what
//! others did: beyond the bound it waits, a little, for its turn ([`crate::delayed_mails`]).

pub mod store;

use chrono::{DateTime, TimeDelta, Utc};
use common::ambient::Ambient;
use sqlx::PgConnection;

/// So many mails at once in any time as long as the window, and one a pause beyond that.
#[derive(Debug)]
pub struct MailRate {
    kind: &'static str,
    at_once: i64,
    window: TimeDelta,
    pause: TimeDelta,
}

/// More than one network may ask for (`ADDRESSES_A_SOURCE`), so that no single stranger makes anybody wait; and a pause
/// leaves most of a link's life to whoever does wait for it.
pub const VERIFICATIONS: MailRate =
    MailRate { kind: "verification", at_once: 12, window: TimeDelta::hours(1), pause: TimeDelta::minutes(10) };
/// Few are invited into more tenants a day, and an invitation can wait.
pub const INVITATIONS: MailRate =
    MailRate { kind: "invitation", at_once: 5, window: TimeDelta::days(1), pause: TimeDelta::hours(4) };
/// What is beyond it is dropped: the address has links that work, the youngest of them not older than a pause.
pub const RESETS: MailRate =
    MailRate { kind: "password_reset", at_once: 5, window: TimeDelta::hours(1), pause: TimeDelta::minutes(10) };
/// What is older decides nothing.
pub const LONGEST_WINDOW: TimeDelta = INVITATIONS.window;

impl MailRate {
    fn allows(&self, now: DateTime<Utc>, sent: i64, last: Option<DateTime<Utc>>) -> bool {
        sent < self.at_once || last.is_none_or(|last| last + self.pause <= now)
    }

    /// Addresses that got a mail since then have to wait.
    pub fn paused(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - self.pause
    }

    /// Counts a mail to `email` if it may go now. Locks the address until the transaction ends, so that no two count
    /// the same.
    pub async fn take(&self, conn: &mut PgConnection, ambient: &Ambient, email: &str) -> sqlx::Result<bool> {
        store::lock(conn, email).await?;
        let now = ambient.now();
        let lately = store::sent(conn, email, self.kind, now - self.window).await?;
        let goes = self.allows(now, lately.count, lately.last);
        if goes {
            store::count(conn, ambient.uuid(), email, self.kind, now).await?;
        }
        Ok(goes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_go_at_once_and_then_one_a_pause() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let before = |minutes| Some(now - TimeDelta::minutes(minutes));
        for (sent, last, goes) in [
            (0, None, true),
            (11, before(0), true),
            (12, before(9), false),
            (12, before(10), true),
            (500, before(10), true),
        ] {
            assert_eq!(VERIFICATIONS.allows(now, sent, last), goes, "{sent} {last:?}");
        }
    }
}
