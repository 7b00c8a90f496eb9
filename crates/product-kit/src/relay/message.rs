//! The identity of a message that a row becomes: the same row is the same message however often it is sent.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::id::MessageId;

/// A message of another time than about now is said now: consumers remember messages by the time in their ids, for some
/// weeks.
const ABOUT_NOW: TimeDelta = TimeDelta::hours(12);

/// When a message is said of what was written at that time.
pub(crate) fn said_at(written: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if (written - now).abs() < ABOUT_NOW { written } else { now }
}

/// A UUIDv7 of that time whose random part is a hash of what is said.
pub(crate) fn message_id(time: DateTime<Utc>, said: &str) -> MessageId {
    let hash = digest(&SHA256, said.as_bytes());
    let mut unpredictable = [0; 10];
    unpredictable.copy_from_slice(&hash.as_ref()[..10]);
    let millis = time.timestamp_millis().try_into().unwrap_or_default();
    MessageId(uuid::Builder::from_unix_timestamp_millis(millis, &unpredictable).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_at_another_time_is_said_now() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let soon = now + TimeDelta::hours(1);
        assert_eq!(said_at(soon, now), soon);
        assert_eq!(said_at(now - TimeDelta::days(40), now), now);
    }

    #[test]
    fn the_same_is_the_same_message() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(message_id(now, "a"), message_id(now, "a"));
        assert_ne!(message_id(now, "a"), message_id(now, "b"));
        assert_eq!(message_id(now, "a").0.get_version_num(), 7);
    }
}
