use super::*;
use chrono::Duration;

fn day(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(day)
}

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn discount(number: u128, service: Option<&str>, reduction: Reduction) -> Discount {
    let validity = Validity { begin_at: day(0), end_at: None };
    let (title, service) = (String::from("Partner"), service.map(str::to_owned));
    Discount { id: id(number), title, service, reduction, validity }
}

fn percent(text: &str) -> Reduction {
    Reduction::Percent(text.parse().unwrap())
}

fn minimum(amount_minor: i64) -> MinimumSpend {
    MinimumSpend { id: id(9), amount_minor, validity: Validity { begin_at: day(0), end_at: None } }
}

/// Source, base and amount of each step in the month that ends with day 30.
fn amounts(discounts: &[Discount], minimum: Option<&MinimumSpend>, used: &[(&str, i64)]) -> Vec<(u128, i64, i64)> {
    let used = used.iter().map(|(service, amount)| (*service, STANDARD, *amount)).collect::<Vec<_>>();
    let parts = parts(discounts, minimum, &used).into_iter();
    parts.map(|(source, _, base, amount)| (source, base, amount)).collect()
}

/// Source, tax group, base and amount of each part of each step.
fn parts(
    discounts: &[Discount],
    minimum: Option<&MinimumSpend>,
    used: &[(&str, &str, i64)],
) -> Vec<(u128, String, i64, i64)> {
    let used =
        used.iter().map(|(service, group, amount)| ((service.to_string(), group.to_string()), *amount)).collect();
    let steps = steps(discounts, minimum, Span { from: day(0), until: day(30) }, &used).unwrap();
    let of_step = |step: &Step<'_>| {
        let source = step.source_id.as_u128();
        step.parts
            .iter()
            .map(move |(group, part)| (source, group.clone(), part.base_minor, part.amount_minor))
            .collect()
    };
    steps.iter().flat_map(|step| -> Vec<_> { of_step(step) }).collect()
}

#[test]
fn each_tax_group_has_its_part() {
    let all = [discount(1, Some("forum"), percent("10")), discount(2, None, Reduction::Fixed(1000))];
    let used = [("forum", "reduced", 500), ("forum", "standard", 1000), ("wiki", "reduced", 4000)];
    let part = |source, group: &str, base, amount| (source, group.to_owned(), base, amount);
    assert_eq!(
        parts(&all, Some(&minimum(5000)), &used),
        [
            part(1, "reduced", 500, -50),
            part(1, "standard", 1000, -100),
            part(2, "reduced", 4450, -832),
            part(2, "standard", 900, -168),
            part(9, "reduced", 3618, 541),
            part(9, "standard", 732, 109),
        ]
    );
    // A group that gives back takes no part, and where nothing is used it is of the standard one.
    let one = [discount(1, None, percent("50"))];
    let used = [("forum", "reduced", -200), ("forum", "standard", 1000)];
    assert_eq!(parts(&one, None, &used), [part(1, "reduced", -200, 0), part(1, "standard", 1000, -400)]);
    assert_eq!(
        parts(&[], Some(&minimum(50)), &[("forum", "reduced", 0)]),
        [part(9, "reduced", 0, 0), part(9, "standard", 0, 50)]
    );
}

#[test]
fn each_takes_its_part_of_what_the_ones_before_left() {
    let all = [
        discount(1, None, percent("10")),
        discount(2, Some("forum"), Reduction::Fixed(300)),
        discount(3, Some("forum"), percent("50")),
        discount(4, None, Reduction::Fixed(100)),
    ];
    let used = [("forum", 1000), ("pdf", 500)];
    let expected = [(2, 1000, -300), (3, 700, -350), (1, 850, -85), (4, 765, -100)];
    assert_eq!(amounts(&all, None, &used), expected);
    let lacking: Vec<_> = expected.into_iter().chain([(9, 665, 335)]).collect();
    assert_eq!(amounts(&all, Some(&minimum(1000)), &used), lacking);
}

#[test]
fn nothing_is_taken_off_that_is_not_there() {
    let fixed = [discount(1, None, Reduction::Fixed(500)), discount(2, Some("pdf"), percent("100"))];
    assert_eq!(amounts(&fixed, None, &[("forum", 300)]), [(1, 300, -300)]);
    assert_eq!(amounts(&fixed, None, &[("forum", 300), ("pdf", -900)]), [(2, -900, 0), (1, -600, 0)]);
    assert_eq!(amounts(&fixed, Some(&minimum(50)), &[]), [(1, 0, 0), (9, 0, 50)]);
    assert_eq!(amounts(&[], Some(&minimum(50)), &[("forum", 51)]), [(9, 51, 0)]);
}

#[test]
fn half_a_cent_goes_away_from_zero() {
    for (base, off) in [(1, 0), (2, 0), (3, 0), (4, 1), (12, 2), (i64::MAX, 1_152_921_504_606_846_976)] {
        assert_eq!(percent("12.5").of(base), off, "{base}");
    }
    assert_eq!(percent("100").of(i64::MAX), i64::MAX);
}

#[test]
fn the_end_of_a_period_decides() {
    let month = Span { from: day(0), until: day(30) };
    for (begin, end, holds) in
        [(0, None, true), (29, None, true), (30, None, false), (0, Some(30), true), (0, Some(29), false)]
    {
        let validity = Validity { begin_at: day(begin), end_at: end.map(day) };
        assert_eq!(validity.holds(month), holds, "{begin} {end:?}");
    }
}
