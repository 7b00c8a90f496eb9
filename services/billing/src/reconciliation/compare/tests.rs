//! Tests of the comparison.

use super::*;
use contracts::http::instances::ActiveFeature;
use uuid::Uuid;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn key(instance: u128, feature: &str) -> Key {
    Key { instance: InstanceId(Uuid::from_u128(instance)), feature: feature.into() }
}

fn here(features: &[(u128, &str, i64)]) -> BTreeMap<Key, InUse> {
    let of = |(instance, feature, since): &(u128, &str, i64)| {
        let tenant = TenantId(Uuid::nil());
        (key(*instance, feature), InUse { tenant, service: "forum".into(), since: at(*since) })
    };
    features.iter().map(of).collect()
}

fn instance(number: u128, features: &[(&str, i64)]) -> ActiveInstance {
    let feature = |(feature, since): &(&str, i64)| ActiveFeature { feature: (*feature).into(), since: at(*since) };
    ActiveInstance {
        instance_id: InstanceId(Uuid::from_u128(number)),
        tenant_id: TenantId(Uuid::nil()),
        service: "forum".into(),
        version: "1.0.0".into(),
        host: "acme.test".into(),
        generation: 1,
        features: features.iter().map(feature).collect(),
        ended: Vec::new(),
    }
}

fn differences(here: &BTreeMap<Key, InUse>, there: Vec<ActiveInstance>) -> Vec<(Key, DiscrepancyKind)> {
    let found = compare(here, &BTreeSet::new(), &There::of(there));
    found.into_iter().map(|difference| (difference.key, difference.kind)).collect()
}

#[test]
fn what_both_say_is_no_difference() {
    let own = here(&[(1, "forum", 0), (1, "forum.polls", 5), (2, "forum", 7)]);
    let there = || vec![instance(1, &[("forum", 0), ("forum.polls", 5)]), instance(2, &[("forum", 7)])];
    assert_eq!(differences(&own, there()), []);
    assert_eq!(differences(&here(&[]), Vec::new()), []);
    let mut finer = there();
    // PostgreSQL keeps microseconds.
    finer[1].features[0].since += chrono::TimeDelta::nanoseconds(999);
    assert_eq!(differences(&own, finer), []);
}

#[test]
fn each_difference_has_its_kind() {
    let own = here(&[(1, "forum", 0), (1, "forum.polls", 5), (2, "forum", 7), (3, "forum", 7)]);
    let mut foreign = instance(3, &[("forum", 7)]);
    foreign.service = "wiki".into();
    let there = vec![instance(1, &[("forum", 1), ("forum.charts", 5)]), foreign, instance(4, &[("forum", 9)])];
    let expected = [
        (key(1, "forum"), DiscrepancyKind::SinceDiffers),
        (key(1, "forum.charts"), DiscrepancyKind::NotInUseHere),
        (key(1, "forum.polls"), DiscrepancyKind::NotInUseThere),
        (key(2, "forum"), DiscrepancyKind::InstanceNotThere),
        (key(3, "forum"), DiscrepancyKind::OwnerDiffers),
        (key(4, "forum"), DiscrepancyKind::NotInUseHere),
    ];
    assert_eq!(differences(&own, there), expected);
}

#[test]
fn the_past_is_a_difference_where_there_is_no_other() {
    let own = here(&[(1, "forum", 0), (1, "forum.polls", 5)]);
    let there = There::of(vec![instance(1, &[("forum", 0)])]);
    let unheard = BTreeSet::from([key(1, "forum.polls"), key(1, "forum.charts"), key(2, "forum.polls")]);
    let found = compare(&own, &unheard, &there);
    let kinds: Vec<_> = found.iter().map(|difference| (difference.key.clone(), difference.kind)).collect();
    let expected = [
        (key(1, "forum.charts"), DiscrepancyKind::PastDiffers),
        (key(1, "forum.polls"), DiscrepancyKind::NotInUseThere),
    ];
    assert_eq!(kinds, expected);
    assert_eq!((found[0].since_here, found[0].since_there), (None, None));
}

#[test]
fn a_kind_has_one_name() {
    for kind in DiscrepancyKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}
