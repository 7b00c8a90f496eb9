//! Schedule of the signing keys: when does one begin to sign, and when is it forgotten?
//!
//! A key is published, signs, only verifies, and is deleted. Each process judges by its own clock, and one of them acts.

use super::store::{State, StoredKey};
use crate::config::MOST_ACCESS_TOKEN_SECONDS;
use access::token::LEEWAY;
use chrono::{DateTime, TimeDelta, Utc};

/// A key signs for so long.
pub const SIGNS_FOR: TimeDelta = TimeDelta::days(30);
/// A key is published for so long before it signs, for verifiers that ask once a day and not for an unknown `kid`.
const PUBLISHED_FIRST: TimeDelta = TimeDelta::hours(24);
/// Clocks of processes differ by no more.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(10);
/// A process that cannot read the keys signs with those it has read for no longer, as others may have rotated them.
pub const SIGNS_UNREAD: TimeDelta = TimeDelta::hours(1);

/// When a key that was published at `since` may sign.
pub fn may_sign_at(since: DateTime<Utc>) -> DateTime<Utc> {
    since + PUBLISHED_FIRST + CLOCKS_DIFFER
}

/// When every token is over that was signed by a key which was replaced at `since`, whatever lifetime is set.
pub fn verifies_until(since: DateTime<Utc>) -> DateTime<Utc> {
    let longest_token = TimeDelta::seconds(MOST_ACCESS_TOKEN_SECONDS.cast_signed() + LEEWAY);
    since + SIGNS_UNREAD + longest_token + CLOCKS_DIFFER
}

/// What is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// There is no key that signs: the very first start.
    pub first: bool,
    /// The next key begins to sign.
    pub rotation: bool,
    /// There will be no next key, or there is none.
    pub next: bool,
    /// Keys that verify nothing any more.
    pub over: Vec<String>,
}

impl Due {
    pub fn of(keys: &[StoredKey], now: DateTime<Utc>) -> Self {
        let (current, next) = (find(keys, State::Current), find(keys, State::Next));
        let rotation = current.is_some_and(|current| now >= current.since + SIGNS_FOR)
            && next.is_some_and(|next| now >= may_sign_at(next.since));
        let over = keys.iter().filter(|key| key.state == State::Previous && now >= verifies_until(key.since));
        Self {
            first: current.is_none(),
            rotation,
            next: rotation || next.is_none(),
            over: over.map(|key| key.kid.clone()).collect(),
        }
    }
}

/// The first key in that state.
pub fn find(keys: &[StoredKey], state: State) -> Option<&StoredKey> {
    keys.iter().find(|key| key.state == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::ambient::Ambient;

    fn key(kid: &str, state: State, since: DateTime<Utc>) -> StoredKey {
        StoredKey { kid: kid.into(), public_key: Vec::new(), sealed_private_key: Vec::new(), state, since }
    }

    fn nothing() -> Due {
        Due::default()
    }

    #[test]
    fn a_key_signs_for_thirty_days_and_is_published_for_a_day_before() {
        let clock = Ambient::test(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        let start = clock.now();
        assert_eq!(Due::of(&[], start), Due { first: true, next: true, ..nothing() });
        let current = || key("a", State::Current, start);
        assert_eq!(Due::of(&[current()], start), Due { next: true, ..nothing() });

        let keys = [current(), key("b", State::Next, start)];
        assert_eq!(Due::of(&keys, start), nothing());
        clock.advance(SIGNS_FOR - TimeDelta::seconds(1));
        assert_eq!(Due::of(&keys, clock.now()), nothing());
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(Due::of(&keys, clock.now()), Due { rotation: true, next: true, ..nothing() });

        // As with keys of a version that did not rotate: it is late, and the next key is new.
        let late = [current(), key("b", State::Next, clock.now())];
        clock.advance(TimeDelta::hours(24));
        assert_eq!(Due::of(&late, clock.now()), nothing(), "a clock that is minutes ahead must not cut the day short");
        clock.advance(CLOCKS_DIFFER);
        assert_eq!(Due::of(&late, clock.now()), Due { rotation: true, next: true, ..nothing() });
    }

    #[test]
    fn a_replaced_key_verifies_until_the_longest_token_is_over() {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let keys = [key("a", State::Previous, start), key("b", State::Current, start), key("c", State::Next, start)];
        let signed_last = start + SIGNS_UNREAD;
        let over = signed_last + TimeDelta::hours(24) + TimeDelta::seconds(5);
        assert_eq!(Due::of(&keys, over), nothing());
        assert_eq!(Due::of(&keys, over + CLOCKS_DIFFER), Due { over: vec!["a".into()], ..nothing() });
    }
}
