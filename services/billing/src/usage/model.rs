//! Rules of metered events: which are fit to be billed, and when. Pure.

use super::store::Owner;
use chrono::{DateTime, Duration, SubsecRound, Utc};
use contracts::{envelope::source_of, id::TenantId, messages::UsageRecorded};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// A producer's clock may run ahead of ours by this much: what it counts is on the invoice that its time belongs to, a
/// little late. Beyond that the clock is wrong rather than ahead, and somebody should see it.
pub const CLOCK_AHEAD: Duration = Duration::days(1);
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
    /// The event as `source` says it, or why it can never be billed.
    pub fn check(tenant: TenantId, source: &str, mut body: UsageRecorded) -> Result<Self, String> {
        body.occurred_at = body.occurred_at.trunc_subsecs(KEPT_DIGITS);
        if source != source_of(&body.service) {
            return Err(format!("'{source}' counts for the service '{}', which only that service may", body.service));
        }
        if !belongs(&body.service, &body.meter) {
            return Err(format!("the meter '{}' is not one of the service '{}'", body.meter, body.service));
        }
        if body.key.is_empty() || body.key.len() > LONGEST_KEY {
            return Err(format!("the key must have 1 to {LONGEST_KEY} bytes"));
        }
        if body.quantity < Decimal::ZERO {
            return Err("the quantity is negative".into());
        }
        Ok(Self { tenant, body })
    }

    /// Whether it counts, at `now`, for the instance's `owner`.
    pub fn disposition(&self, owner: Option<&Owner>, now: DateTime<Utc>) -> Disposition {
        match owner {
            Some(owner) if owner.tenant != self.tenant || owner.service != self.body.service => Disposition::Reject,
            _ if self.body.occurred_at > now + CLOCK_AHEAD => Disposition::Park(Reason::InTheFuture),
            Some(_) => Disposition::Count,
            None => Disposition::Park(Reason::InstanceUnknown),
        }
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disposition {
    Count,
    /// It may count later.
    Park(Reason),
    /// The instance is another tenant's, or runs another service.
    Reject,
}

/// Why an event does not count yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reason {
    /// None of the instance's features has been enabled, as far as billing has heard.
    InstanceUnknown,
    /// By the producer's clock it happens more than a day from now.
    InTheFuture,
    /// The instance turned out to be another tenant's, or to run another service. Passes only by hand.
    InstanceOfAnother,
    /// Other usage under the same key was counted meanwhile. Passes only by hand.
    KeyUsed,
}

impl Reason {
    pub const ALL: [(Self, &str); 4] = [
        (Self::InstanceUnknown, "instance_unknown"),
        (Self::InTheFuture, "in_the_future"),
        (Self::InstanceOfAnother, "instance_of_another"),
        (Self::KeyUsed, "key_used"),
    ];
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

    fn check(body: UsageRecorded) -> Result<Event, String> {
        Event::check(TenantId(Uuid::nil()), "/services/forum", body)
    }

    fn owner(tenant: u128, service: &str) -> Owner {
        Owner { tenant: TenantId(Uuid::from_u128(tenant)), service: service.into() }
    }

    fn disposition(second: i64, owner: Option<Owner>) -> Disposition {
        check(UsageRecorded { occurred_at: at(second), ..event() }).unwrap().disposition(owner.as_ref(), at(0))
    }

    #[test]
    fn a_sound_event_counts_also_late_or_from_a_clock_that_is_ahead() {
        for second in [-90 * 86_400, 0, 301, 86_400] {
            assert_eq!(disposition(second, Some(owner(0, "forum"))), Disposition::Count, "{second}");
        }
        assert_eq!(check(UsageRecorded { quantity: Decimal::ZERO, ..event() }).map(drop), Ok(()));
    }

    #[test]
    fn what_cannot_be_counted_yet_waits_and_what_is_anothers_is_refused() {
        assert_eq!(disposition(86_401, Some(owner(0, "forum"))), Disposition::Park(Reason::InTheFuture));
        assert_eq!(disposition(0, None), Disposition::Park(Reason::InstanceUnknown));
        assert_eq!(disposition(0, Some(owner(1, "forum"))), Disposition::Reject);
        assert_eq!(disposition(86_401, Some(owner(0, "wiki"))), Disposition::Reject);
    }

    #[test]
    fn what_can_never_be_billed_says_why() {
        for (body, reason) in [
            (
                UsageRecorded { service: "wiki".into(), meter: "wiki.pages".into(), ..event() },
                "'/services/forum' counts for the service 'wiki'",
            ),
            (UsageRecorded { quantity: -Decimal::ONE, ..event() }, "the quantity is negative"),
            (UsageRecorded { key: String::new(), ..event() }, "the key must have"),
            (UsageRecorded { key: "x".repeat(256), ..event() }, "the key must have"),
            (UsageRecorded { meter: "forums.posts".into(), ..event() }, "the meter 'forums.posts' is not one of"),
        ] {
            assert!(check(body).is_err_and(|told| told.starts_with(reason)), "{reason}");
        }
    }
}
