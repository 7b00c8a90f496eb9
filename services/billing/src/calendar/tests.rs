//! Cycles in real time zones.

use super::*;
use chrono::TimeDelta;

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

fn schedule(zone: &str, anchor_day: u32) -> Schedule {
    Schedule::new(zone.parse().unwrap(), anchor_day.try_into().unwrap())
}

#[test]
fn a_cycle_begins_at_midnight_of_its_zone() {
    for (zone, anchor_day, instant, start, end) in [
        ("UTC", 1, "2027-05-20T12:00:00Z", "2027-05-01T00:00:00Z", "2027-06-01T00:00:00Z"),
        // One offset at its start, another at its end.
        ("Europe/Berlin", 1, "2027-03-05T00:00:00Z", "2027-02-28T23:00:00Z", "2027-03-31T22:00:00Z"),
        ("Europe/Berlin", 15, "2026-10-20T00:00:00Z", "2026-10-14T22:00:00Z", "2026-11-14T23:00:00Z"),
        ("America/New_York", 1, "2027-03-10T00:00:00Z", "2027-03-01T05:00:00Z", "2027-04-01T04:00:00Z"),
        // Already next month there, or still last month.
        ("Pacific/Kiritimati", 1, "2026-12-31T10:00:00Z", "2026-12-31T10:00:00Z", "2027-01-31T10:00:00Z"),
        ("Pacific/Pago_Pago", 1, "2027-01-01T10:59:59Z", "2026-12-01T11:00:00Z", "2027-01-01T11:00:00Z"),
        ("Asia/Kathmandu", 1, "2027-01-01T00:00:00Z", "2026-12-31T18:15:00Z", "2027-01-31T18:15:00Z"),
        // The boundary itself is the first moment of its cycle; a microsecond earlier is the last of another.
        ("UTC", 31, "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"),
        ("UTC", 31, "2028-02-28T23:59:59.999999Z", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("UTC", 30, "2027-02-28T05:00:00Z", "2027-02-28T00:00:00Z", "2027-03-30T00:00:00Z"),
        ("UTC", 29, "2027-01-29T00:00:00Z", "2027-01-29T00:00:00Z", "2027-02-28T00:00:00Z"),
    ] {
        let schedule = schedule(zone, anchor_day);
        let expected = Span { from: at(start), until: at(end) };
        assert_eq!(schedule.period(at(instant)), expected, "{zone}, {anchor_day}, {instant}");
        assert_eq!(schedule.next_after(at(instant)), at(end), "{zone}, {anchor_day}, {instant}");
    }
}

#[test]
fn a_midnight_that_clocks_skip_or_show_twice_is_one_boundary() {
    for (zone, anchor_day, boundary) in [
        // Forward from 00:00 to 01:00.
        ("Asia/Beirut", 31, "2024-03-30T22:00:00Z"),
        ("America/Havana", 8, "2020-03-08T05:00:00Z"),
        ("America/Sao_Paulo", 15, "2017-10-15T03:00:00Z"),
        // Back from 01:00 to 00:00, and from 00:01 to 23:01 of the day before.
        ("America/Havana", 1, "2020-11-01T04:00:00Z"),
        ("America/St_Johns", 1, "2009-11-01T02:30:00Z"),
        // Without this day: Samoa in 2011, the Line Islands in 1994.
        ("Pacific/Apia", 30, "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", 31, "2011-12-30T10:00:00Z"),
        ("Pacific/Kiritimati", 31, "1994-12-31T10:00:00Z"),
    ] {
        let (schedule, boundary) = (schedule(zone, anchor_day), at(boundary));
        for minutes in [1, 30, 60, 90, 24 * 60] {
            let (before, after) = (boundary - TimeDelta::minutes(minutes), boundary + TimeDelta::minutes(minutes));
            assert_eq!(schedule.next_after(before), boundary, "{zone}, {minutes} minutes before");
            assert_eq!(schedule.period(after).from, boundary, "{zone}, {minutes} minutes after");
        }
    }
}

#[test]
fn cycles_follow_each_other_month_by_month() {
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Africa/Cairo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ];
    for (zone, anchor_day) in zones.into_iter().flat_map(|zone| [1, 2, 15, 28, 29, 30, 31].map(|day| (zone, day))) {
        let schedule = schedule(zone, anchor_day);
        let anchor_day = AnchorDay::try_from(anchor_day).unwrap();
        let mut cycle = schedule.period(at("2010-01-15T00:00:00Z"));
        let first = schedule.zone.date(cycle.from);
        let first = first.year() * MONTHS_OF_A_YEAR + first.month0().cast_signed();
        // Twenty years.
        for month in first..first + 20 * MONTHS_OF_A_YEAR {
            let date = schedule.zone.date(cycle.from);
            let expected = anchor_day.in_month(month.div_euclid(12), month.rem_euclid(12).cast_unsigned()).unwrap();
            let skipped = zone == "Pacific/Apia" && expected.to_string() == "2011-12-30";
            assert_eq!(date, if skipped { expected.succ_opt().unwrap() } else { expected }, "{zone}");
            let last = cycle.until - TimeDelta::microseconds(1);
            for instant in [cycle.from, cycle.from + TimeDelta::days(14), last] {
                assert_eq!(schedule.period(instant), cycle, "{zone}, {instant}");
            }
            let days = (cycle.until - cycle.from).num_days();
            assert!((27..=31).contains(&days), "{zone}, {date}: {days} days");
            let next = schedule.period(cycle.until);
            assert_eq!((next.from, next.until > next.from), (cycle.until, true), "{zone}, {date}");
            cycle = next;
        }
    }
}

#[test]
fn a_month_is_as_long_as_its_seconds() {
    for (instant, seconds) in [
        ("2027-01-10T00:00:00Z", 31 * 86_400),
        ("2027-03-10T00:00:00Z", 31 * 86_400 - 3_600),
        ("2027-10-10T00:00:00Z", 31 * 86_400 + 3_600),
    ] {
        let month = schedule("Europe/Berlin", 1).period(at(instant));
        assert_eq!((month.until - month.from).num_seconds(), seconds, "{instant}");
    }
}

#[test]
fn the_first_and_last_cycles_end_with_the_calendar() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let schedule = schedule(zone, 31);
        assert_eq!((schedule.period(first).from, schedule.next_after(last)), (first, last), "{zone}");
    }
}
