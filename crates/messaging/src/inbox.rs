//! SQL of the inbox: has this message taken effect already? A row says so, committed together with the effect.
//!
//! It is partitioned by the time in the ids ([`weeks`](crate::weeks)), so it can tell of a message that is not older
//! than [`KEPT`].

use crate::handler::Fault;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::MessageId;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::{Uuid, Variant};

/// How long the inbox remembers, counted from the time in a message's id. Queues and dead-letter queues keep a message
/// for 14 days each.
pub const KEPT: TimeDelta = TimeDelta::days(30);
/// How far the clock of whoever said a message may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::days(1);

const CLAIM: &str = "
    INSERT INTO inbox_messages (message_id, consumer, received_at)
    SELECT message_id, $2, now() FROM unnest($1::uuid[]) message_id ON CONFLICT DO NOTHING RETURNING message_id";
/// PostgreSQL's word for a row that has no partition.
const CHECK_VIOLATION: &str = "23514";

/// Claims the message for `consumer` inside the caller's transaction; `false` means that its effect is already
/// committed. A claim of the same message in another open transaction is waited for.
pub async fn claim(conn: &mut PgConnection, consumer: &str, id: MessageId) -> Result<bool, Fault> {
    Ok(claim_all(conn, consumer, &[id.0]).await?.contains(&id.0))
}

/// As [`claim`], of several messages; gives those that have not taken effect yet.
pub(crate) async fn claim_all(conn: &mut PgConnection, consumer: &str, ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault> {
    let claimed = sqlx::query_scalar(CLAIM).bind(ids).bind(consumer).fetch_all(conn).await;
    Ok(claimed.map_err(claim_fault)?.into_iter().collect())
}

/// The week should be there ([`weeks`](crate::weeks) makes it), so that it is not is no fault of the message.
fn claim_fault(error: sqlx::Error) -> Fault {
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if code == CHECK_VIOLATION => Fault::away(error),
        _ => error.into(),
    }
}

/// Refuses an id of a time of which the inbox cannot tell: it might take effect twice.
pub(crate) fn check(id: MessageId, now: DateTime<Utc>) -> Result<(), Fault> {
    let time = time(id.0).ok_or_else(|| Fault::permanent("its id is no UUID of version 7 or 8, which have a time"))?;
    if time < now - KEPT {
        return Err(Fault::permanent(format!(
            "it is of {time}, and whether it took effect is remembered for {} days only",
            KEPT.num_days()
        )));
    }
    if time > now + AHEAD {
        return Err(Fault::permanent(format!("it is of {time}, which is still to come")));
    }
    Ok(())
}

/// The time in an id of version 7 or 8 (RFC 9562), in milliseconds.
fn time(id: Uuid) -> Option<DateTime<Utc>> {
    let millis = i64::try_from(id.as_u128() >> 80).ok()?;
    let has_time = id.get_variant() == Variant::RFC4122 && matches!(id.get_version_num(), 7 | 8);
    DateTime::from_timestamp_millis(millis).filter(|_| has_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_key::EventKey;
    use common::ambient::Ambient;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + day * 86_400, 0).unwrap()
    }

    #[test]
    fn an_id_of_a_time_that_is_not_remembered_is_refused() {
        let id = MessageId(Ambient::test(at(0)).uuid());
        for (day, fits) in [(-2, false), (-1, true), (0, true), (30, true), (31, false)] {
            assert_eq!(check(id, at(day)).is_ok(), fits, "{day}");
        }
        let random = MessageId(Uuid::from_u128(0xa5a5_a5a5_a5a5_45a5_85a5_a5a5_a5a5_a5a5));
        assert_eq!(random.0.get_version_num(), 4);
        assert!(matches!(check(random, at(0)), Err(Fault::Permanent(_))));
        assert!(check(MessageId(Uuid::nil()), at(0)).is_err());
        let event = EventKey { time: at(0), key: "a".into() }.id();
        assert_eq!(time(event.0), Some(at(0)));
    }
}
