//! Keys of bodies without an envelope: under what does one take effect once?

use chrono::{DateTime, Utc};
use contracts::id::MessageId;
use uuid::Builder;

/// Under what a body without an envelope takes effect once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKey {
    /// When it happened: the same in every delivery of the same event.
    pub time: DateTime<Utc>,
    /// What tells it from any other event.
    pub key: String,
}

impl EventKey {
    /// A UUIDv8 (RFC 9562 §5.8): the time as in version 7, then a hash of the key.
    pub fn id(&self) -> MessageId {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.key.as_bytes());
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&self.time.timestamp_millis().max(0).to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&hash.as_ref()[..10]);
        MessageId(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_same_id_each_time_and_another_one_another() {
        let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let event = |key: &str| EventKey { time, key: key.into() }.id();
        assert_eq!(event("a"), event("a"));
        assert_ne!(event("a"), event("b"));
        assert_eq!(event("a").0.get_version_num(), 8);
    }
}
