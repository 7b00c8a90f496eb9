//! The clock and the source of randomness, which are passed in, so that tests decide.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use uuid::Uuid;

/// The clock and the source of randomness of one process; cheap to clone.
#[derive(Clone)]
pub struct Ambient {
    clock: Clock,
    random: Arc<SystemRandom>,
}

#[derive(Clone)]
enum Clock {
    System,
    /// Microseconds since the epoch, moved by hand.
    Test(Arc<AtomicI64>),
}

impl Ambient {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self { clock: Clock::System, random: Arc::new(SystemRandom::new()) }
    }

    /// A clock that starts at `start` and moves only by [`Ambient::advance`].
    pub fn test(start: DateTime<Utc>) -> Self {
        Self {
            clock: Clock::Test(Arc::new(AtomicI64::new(start.timestamp_micros()))),
            random: Arc::new(SystemRandom::new()),
        }
    }

    /// Now, cut to microseconds, which is what PostgreSQL keeps.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    pub fn now(&self) -> DateTime<Utc> {
        let micros = match &self.clock {
            Clock::System => Utc::now().timestamp_micros(),
            Clock::Test(micros) => micros.load(Ordering::SeqCst),
        };
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    /// Moves a test clock; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Clock::Test(micros) = &self.clock {
            micros.fetch_add(by.num_microseconds().unwrap_or_default(), Ordering::SeqCst);
        }
    }

    /// `N` unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes).expect("the operating system's generator does not fail after boot");
        bytes
    }

    /// A UUIDv7 (RFC 9562 §5.7) of now.
    pub fn uuid(&self) -> Uuid {
        let millis = self.now().timestamp_millis().try_into().unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// An opaque secret of 256 bits in base64url (RFC 4648 §5), 43 characters.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_stands_until_it_is_moved() {
        let ambient = Ambient::test(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let before = ambient.now();
        assert_eq!(ambient.now(), before);
        ambient.advance(Duration::seconds(5));
        assert_eq!(ambient.now() - before, Duration::seconds(5));
    }

    #[test]
    fn uuids_are_version_7_and_of_that_time() {
        let ambient = Ambient::test(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let uuid = ambient.uuid();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_timestamp().unwrap().to_unix().0, 1_700_000_000);
        assert_ne!(uuid, ambient.uuid());
    }
}
