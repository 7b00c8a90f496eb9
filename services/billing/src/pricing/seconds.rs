//! Seconds of use that are billed, when each interval has a minimum.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

const MICROS_PER_SECOND: i128 = 1_000_000;
const MICROS: u32 = 6;

/// Seconds of an interval that began at `begin` which are billed from `from` until `until`, where it ends or billing it
/// pauses; exact to the microsecond.
///
/// The period in which it begins takes the whole minimum, even if the period or the interval ends sooner, as Amazon EC2
/// charges a minute at each start; later periods bill only what goes beyond. So a bill never waits for the end of the
/// interval, and however time is split into periods, their sum is the same. A period that runs backwards takes back.
pub fn billable_seconds(
    begin: DateTime<Utc>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    minimum_seconds: u32,
) -> Decimal {
    let billed = |until| billed_micros(begin, until, minimum_seconds);
    // Two moments that chrono holds are less than 2^64 microseconds apart; a decimal holds 2^96.
    Decimal::from_i128_with_scale(billed(until) - billed(from), MICROS).normalize()
}

/// What has been billed by `until`, in all periods before it.
fn billed_micros(begin: DateTime<Utc>, until: DateTime<Utc>, minimum_seconds: u32) -> i128 {
    if until <= begin {
        return 0;
    }
    let used = i128::from(until.timestamp_micros()) - i128::from(begin.timestamp_micros());
    used.max(i128::from(minimum_seconds) * MICROS_PER_SECOND)
}
