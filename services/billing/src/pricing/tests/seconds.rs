//! Billable seconds, one case at a time. Cycles are of a minute.

use super::{super::billable_seconds, decimal};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

/// Of an interval from `begin` until `end`, in the cycle that begins at `cycle`.
fn billed(begin: i64, end: Option<i64>, minimum: u32, cycle: i64) -> Decimal {
    let ends = |second: i64| at(end.map_or(second, |end| end.min(second)));
    billable_seconds(at(begin), ends(cycle), ends(cycle + 60), minimum)
}

#[test]
fn an_interval_is_billed_where_it_is() {
    let cycles = [-60, 0, 60, 120, 180];
    assert_eq!(cycles.map(|cycle| billed(50, Some(130), 0, cycle)), ["0", "10", "60", "10", "0"].map(decimal));
    assert_eq!(cycles.map(|cycle| billed(50, None, 0, cycle)), ["0", "10", "60", "60", "60"].map(decimal));
}

#[test]
fn an_interval_that_ended_sooner_is_billed_the_minimum_where_it_began() {
    assert_eq!([0, 60].map(|cycle| billed(10, Some(15), 20, cycle)), ["20", "0"].map(decimal));
    // One that ended at once was never used.
    assert_eq!([0, 60].map(|cycle| billed(10, Some(10), 20, cycle)), ["0", "0"].map(decimal));
}

#[test]
fn the_first_cycle_takes_the_whole_minimum_though_it_ends_sooner() {
    // 10 s of the first cycle are left; 15, 30 and 40 s of use at a minimum of 30 s.
    let cycles = |end| [0, 60, 120].map(|cycle| billed(50, end, 30, cycle));
    assert_eq!(cycles(Some(65)), ["30", "0", "0"].map(decimal));
    assert_eq!(cycles(Some(80)), ["30", "0", "0"].map(decimal));
    assert_eq!(cycles(Some(90)), ["30", "10", "0"].map(decimal));
    assert_eq!(cycles(None), ["30", "40", "60"].map(decimal));
}

#[test]
fn a_minimum_may_outlast_cycles() {
    assert_eq!([0, 60, 120, 180].map(|cycle| billed(50, None, 100, cycle)), ["100", "0", "30", "60"].map(decimal));
}

#[test]
fn a_bill_does_not_depend_on_when_the_end_became_known() {
    for end in [60, 61, 90, 500] {
        assert_eq!(billed(50, Some(end), 30, 0), billed(50, None, 30, 0), "{end}");
    }
}

#[test]
fn what_begins_when_a_cycle_ends_is_of_the_next() {
    assert_eq!([0, 60].map(|cycle| billed(60, None, 0, cycle)), ["0", "60"].map(decimal));
    assert_eq!([0, 60].map(|cycle| billed(60, Some(61), 5, cycle)), ["0", "5"].map(decimal));
}

#[test]
fn a_period_that_runs_backwards_takes_back() {
    assert_eq!(billable_seconds(at(0), at(50), at(20), 0), decimal("-30"));
    assert_eq!(billable_seconds(at(0), at(50), at(0), 60), decimal("-60"));
}

#[test]
fn seconds_are_exact_to_the_microsecond() {
    let end = at(1) + TimeDelta::microseconds(1);
    assert_eq!(billable_seconds(at(0), at(0), end, 0), decimal("1.000001"));
    let all = billable_seconds(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 60);
    assert_eq!(all.scale(), 6);
}

#[test]
fn an_interval_that_ends_before_it_begins_is_none() {
    assert_eq!([billed(10, Some(5), 0, 0), billed(10, Some(5), 20, 0)], ["0", "0"].map(decimal));
}
