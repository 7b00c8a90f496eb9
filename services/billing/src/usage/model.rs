//! Is a metered event fit to be billed? Pure.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use contracts::{id::TenantId, messages::UsageRecorded};
use rust_decimal::Decimal;

/// A producer's clock may run ahead of ours by this much.
const CLOCK_AHEAD: Duration = Duration::minutes(5);
/// Keys are kept for ever, so their length has a limit.
const LONGEST_KEY: usize = 255;
/// PostgreSQL keeps microseconds.
const KEPT_DIGITS: u16 = 6;

/// An event that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub tenant: TenantId,
    pub body: UsageRecorded,
}

impl Event {
    /// The event, or why it can never be billed.
    pub fn check(tenant: TenantId, mut body: UsageRecorded, now: DateTime<Utc>) -> Result<Self, String> {
        body.occurred_at = body.occurred_at.trunc_subsecs(KEPT_DIGITS);
        if !belongs(&body.service, &body.meter) {
            return Err(format!("the meter '{}' is not one of the service '{}'", body.meter, body.service));
        }
        if body.key.is_empty() || body.key.len() > LONGEST_KEY {
            return Err(format!("the key must have 1 to {LONGEST_KEY} bytes"));
        }
        if body.quantity < Decimal::ZERO {
            return Err("the quantity is negative".into());
        }
        if body.occurred_at > now + CLOCK_AHEAD {
            return Err(format!("it occurred in the future, at {}", body.occurred_at));
        }
        Ok(Self { tenant, body })
    }
}

/// Whether `name` is `service` itself or `service.<part>`.
pub fn belongs(service: &str, name: &str) -> bool {
    name.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::id::InstanceId;
    use uuid::Uuid;

    fn event() -> UsageRecorded {
        UsageRecorded {
            instance_id: InstanceId(Uuid::nil()),
            service: "forum".into(),
            meter: "forum.posts".into(),
            key: "posts:1".into(),
            quantity: Decimal::ONE,
            occurred_at: at(0),
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn fault(body: UsageRecorded) -> Option<String> {
        Event::check(TenantId(Uuid::nil()), body, at(0)).err()
    }

    #[test]
    fn a_sound_event_is_taken_also_late_or_from_a_clock_a_little_ahead() {
        assert_eq!(fault(event()), None);
        assert_eq!(fault(UsageRecorded { occurred_at: at(300), ..event() }), None);
        assert_eq!(fault(UsageRecorded { occurred_at: at(-90 * 86_400), quantity: Decimal::ZERO, ..event() }), None);
    }

    #[test]
    fn what_can_never_be_billed_says_why() {
        for (body, reason) in [
            (UsageRecorded { occurred_at: at(301), ..event() }, "it occurred in the future"),
            (UsageRecorded { quantity: -Decimal::ONE, ..event() }, "the quantity is negative"),
            (UsageRecorded { key: String::new(), ..event() }, "the key must have"),
            (UsageRecorded { key: "x".repeat(256), ..event() }, "the key must have"),
            (UsageRecorded { meter: "forums.posts".into(), ..event() }, "the meter 'forums.posts' is not one of"),
        ] {
            assert!(fault(body).is_some_and(|told| told.starts_with(reason)), "{reason}");
        }
    }
}
