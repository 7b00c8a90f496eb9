//! Rules of metered events: which count, and which are kept for somebody to look at. Pure.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Duration, Utc};
use contracts::{id::TenantId, messages::UsageRecorded};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

/// Whose an instance is.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    pub tenant: TenantId,
    pub service: String,
}

/// A producer's clock may run ahead of ours by this much: what it counts is on the invoice that its time belongs to, a
/// little late. Beyond that the clock is wrong rather than ahead, and somebody should see it.
pub const CLOCK_AHEAD: Duration = Duration::days(1);
/// In bytes. Names in manifests are shorter, and an index takes no very long ones.
const LONGEST_METER: usize = 400;
/// A quantity is below it: the sum of billions of them is exact in the 28 digits that a decimal holds.
pub const QUANTITY_LIMIT: Decimal = Decimal::from_parts(0x540B_E400, 2, 0, false, 0);
/// Decimal places of a quantity: bytes, told in gigabytes.
pub const QUANTITY_PLACES: u32 = 9;
/// Nobody expects usage on an invoice that is a year old.
const OLDEST: Duration = Duration::days(366);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Accepted,
    /// The same key and the same body were taken before: no effect.
    Duplicate,
    /// It does not count, and is kept where operators see it.
    Parked(Reason),
    /// It would be parked, but of its tenant and service there is no room for more: it was not taken.
    Full(Reason),
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Parked(reason) => reason.name(),
            Self::Full(_) => "parking_full",
        }
    }
}

/// Why an event does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reason {
    /// None of the instance's features has been enabled, as far as billing has heard.
    InstanceUnknown,
    /// By the producer's clock it happens more than a day from now.
    InTheFuture,
    /// It has waited for 30 days for its instance or its time. It still counts when that comes.
    Expired,
    /// The instance turned out to be another tenant's, or to run another service.
    InstanceOfAnother,
    /// Other usage under the same key was counted before.
    KeyUsed,
    /// The meter is not one of the service.
    MeterUnknown,
    /// Its quantity is below zero.
    QuantityNegative,
    /// Its quantity is 10,000,000,000 or more.
    QuantityTooLarge,
    /// Its quantity has more than nine decimal places.
    QuantityTooFine,
    /// By the producer's clock it happened more than a year ago.
    TooOld,
}

impl Reason {
    pub const ALL: [Self; 10] = [
        Self::InstanceUnknown,
        Self::InTheFuture,
        Self::Expired,
        Self::InstanceOfAnother,
        Self::KeyUsed,
        Self::MeterUnknown,
        Self::QuantityNegative,
        Self::QuantityTooLarge,
        Self::QuantityTooFine,
        Self::TooOld,
    ];

    /// As the API and the database have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InstanceUnknown => "instance_unknown",
            Self::InTheFuture => "in_the_future",
            Self::Expired => "expired",
            Self::InstanceOfAnother => "instance_of_another",
            Self::KeyUsed => "key_used",
            Self::MeterUnknown => "meter_unknown",
            Self::QuantityNegative => "quantity_negative",
            Self::QuantityTooLarge => "quantity_too_large",
            Self::QuantityTooFine => "quantity_too_fine",
            Self::TooOld => "too_old",
        }
    }

    /// Whether it passes by itself.
    pub fn passes(self) -> bool {
        matches!(self, Self::InstanceUnknown | Self::InTheFuture)
    }

    /// Whether it may count after all, without anybody changing it.
    pub fn pends(self) -> bool {
        self.passes() || self == Self::Expired
    }
}

/// Why the event of a tenant does not count at `now`; `None` if it does. The instance has no `owner` as long as nothing
/// was heard of it.
pub fn hindrance(tenant: TenantId, event: &UsageRecorded, owner: Option<&Owner>, now: DateTime<Utc>) -> Option<Reason> {
    if owner.is_some_and(|owner| owner.tenant != tenant || owner.service != event.service) {
        Some(Reason::InstanceOfAnother)
    } else if !belongs(&event.service, &event.meter) || event.meter.len() > LONGEST_METER {
        Some(Reason::MeterUnknown)
    } else if event.quantity < Decimal::ZERO {
        Some(Reason::QuantityNegative)
    } else if event.quantity >= QUANTITY_LIMIT {
        Some(Reason::QuantityTooLarge)
    } else if event.quantity.normalize().scale() > QUANTITY_PLACES {
        Some(Reason::QuantityTooFine)
    } else if event.occurred_at < now - OLDEST {
        Some(Reason::TooOld)
    } else if event.occurred_at > now + CLOCK_AHEAD {
        Some(Reason::InTheFuture)
    } else if owner.is_none() {
        Some(Reason::InstanceUnknown)
    } else {
        None
    }
}

/// What tells an event from all others of its tenant, and what it counts under that key: 128 bits of SHA-256 each.
pub fn digests(event: &UsageRecorded) -> (Uuid, Uuid) {
    let UsageRecorded { instance_id, service, meter, key, quantity, occurred_at } = event;
    let what = (instance_id, meter, quantity.normalize(), occurred_at.timestamp_micros());
    (short(&format!("{service}\0{key}")), short(&format!("{}\0{}\0{}\0{}", what.0, what.1, what.2, what.3)))
}

fn short(text: &str) -> Uuid {
    let mut first = [0; 16];
    first.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
    Uuid::from_bytes(first)
}

/// Whether `name` is `service` itself or `service.<part>`.
pub fn belongs(service: &str, name: &str) -> bool {
    name.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::id::InstanceId;

    const DAY: i64 = 86_400;
    const LARGEST: &str = "9999999999.999999999";

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

    fn owner(tenant: u128, service: &str) -> Option<Owner> {
        Some(Owner { tenant: TenantId(Uuid::from_u128(tenant)), service: service.into() })
    }

    fn why_not(event: &UsageRecorded, owner: Option<Owner>) -> Option<Reason> {
        hindrance(TenantId(Uuid::nil()), event, owner.as_ref(), at(0))
    }

    fn of(quantity: &str) -> UsageRecorded {
        UsageRecorded { quantity: quantity.parse().unwrap(), ..event() }
    }

    fn on(second: i64) -> UsageRecorded {
        UsageRecorded { occurred_at: at(second), ..event() }
    }

    #[test]
    fn a_sound_event_counts_also_late_or_from_a_clock_that_is_ahead() {
        for second in [-366 * DAY, -90 * DAY, 0, 301, DAY] {
            assert_eq!(why_not(&on(second), owner(0, "forum")), None, "{second}");
        }
        for quantity in ["0", LARGEST, "0.0000000010"] {
            assert_eq!(why_not(&of(quantity), owner(0, "forum")), None, "{quantity}");
        }
    }

    #[test]
    fn what_does_not_count_says_why() {
        for (event, owner, reason) in [
            (on(DAY + 1), owner(0, "forum"), Reason::InTheFuture),
            (event(), None, Reason::InstanceUnknown),
            (event(), owner(1, "forum"), Reason::InstanceOfAnother),
            (on(DAY + 1), owner(0, "wiki"), Reason::InstanceOfAnother),
            (on(-367 * DAY), owner(0, "forum"), Reason::TooOld),
            (UsageRecorded { quantity: -Decimal::ONE, ..event() }, owner(0, "forum"), Reason::QuantityNegative),
            (UsageRecorded { meter: "forums.posts".into(), ..event() }, None, Reason::MeterUnknown),
            (of("10000000000"), owner(0, "forum"), Reason::QuantityTooLarge),
            (of("0.0000000001"), owner(0, "forum"), Reason::QuantityTooFine),
        ] {
            assert_eq!(why_not(&event, owner), Some(reason));
        }
    }

    #[test]
    fn a_key_is_one_of_its_service_and_a_body_is_all_that_is_counted() {
        let (key, body) = digests(&event());
        let same = UsageRecorded { quantity: "1.000".parse().unwrap(), ..event() };
        assert_eq!(digests(&same), (key, body));
        for other in [
            UsageRecorded { quantity: Decimal::TEN, ..event() },
            UsageRecorded { meter: "forum.votes".into(), ..event() },
            UsageRecorded { instance_id: InstanceId(Uuid::max()), ..event() },
            on(1),
        ] {
            assert!(digests(&other).0 == key && digests(&other).1 != body, "{other:?}");
        }
        for other in [
            UsageRecorded { key: "posts:2".into(), ..event() },
            UsageRecorded { service: "foru".into(), key: "m\0posts:1".into(), ..event() },
        ] {
            assert_ne!(digests(&other).0, key, "{other:?}");
        }
    }

    #[test]
    fn billions_of_the_largest_quantities_have_an_exact_sum() {
        let (largest, finest): (Decimal, Decimal) = (LARGEST.parse().unwrap(), "0.000000001".parse().unwrap());
        let billions = Decimal::from(7_000_000_000_i64);
        let sum = largest.normalize().mantissa() * billions.mantissa();
        let sum = Decimal::try_from_i128_with_scale(sum, QUANTITY_PLACES).unwrap();
        assert_eq!(sum.checked_add(finest).unwrap() - sum, finest);
        assert_eq!((QUANTITY_LIMIT, largest + finest), (Decimal::from(10_000_000_000_i64), QUANTITY_LIMIT));
    }

    #[test]
    fn a_reason_has_one_name() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }
}
