//! Tests of what an invoice comes to of each category and rate: to the cent, whatever the order of its lines.

use super::*;
use crate::adjustments::AdjustmentKind;
use chrono::DateTime;
use rust_decimal::Decimal;
use uuid::Uuid;

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// Small ones as often as large ones, and one in three below zero.
    fn amount(&mut self) -> i64 {
        let size = (self.next() >> (24 + self.below(39))).cast_signed();
        if self.below(3) == 0 { -size } else { size }
    }

    fn line(&mut self) -> Taxable {
        let group = ["standard", "reduced", "digital"][self.below(3) as usize];
        line(group, self.below(3) as i64, self.amount())
    }

    fn adjustment(&mut self) -> Adjustment {
        let (group, period) = (["standard", "reduced"][self.below(2) as usize], self.below(3) as i64);
        adjustment(Some(group), period, self.amount())
    }
}

fn period(month: i64) -> Span {
    let at = |month: i64| DateTime::from_timestamp(1_800_000_000 + month * 2_592_000, 0).unwrap();
    Span { from: at(month), until: at(month + 1) }
}

fn line(tax_group: &str, month: i64, amount_minor: i64) -> Taxable {
    Taxable { tax_group: tax_group.into(), period: period(month), amount_minor }
}

/// A credit, without a tax group.
fn adjustment(tax_group: Option<&str>, month: i64, amount_minor: i64) -> Adjustment {
    let Span { from: period_start, until: period_end } = period(month);
    Adjustment {
        id: Uuid::nil(),
        kind: if tax_group.is_some() { AdjustmentKind::Discount } else { AdjustmentKind::Credit },
        source_id: Uuid::nil(),
        title: "Less".into(),
        tax_group: tax_group.map(str::to_owned),
        period_start,
        period_end,
        base_minor: 0,
        before_minor: 0,
        amount_minor,
    }
}

/// As in a country whose rates changed with the third month.
fn rates(group: &str, of: Span) -> Result<Applied, TooLarge> {
    let percent = match (group, of == period(2)) {
        ("reduced", _) => Decimal::new(55, 1),
        (_, false) => Decimal::from(19),
        ("digital", true) => Decimal::from(21),
        (_, true) => Decimal::new(212_345, 4),
    };
    Ok(Applied { category: TaxCategory::Standard, percent, tax_rate_id: None })
}

fn made(lines: &[Taxable], adjustments: &[Adjustment]) -> Vec<InvoiceTax> {
    let place = Place { country: "DE".parse().unwrap(), buyer_vat_id: None };
    taxes(&bases(period(0), lines, adjustments).unwrap(), &place, rates).unwrap()
}

/// Percent, taxable amount and tax.
fn summary(taxes: &[InvoiceTax]) -> Vec<(String, i64, i64)> {
    taxes.iter().map(|tax| (tax.percent.to_string(), tax.taxable_minor, tax.tax_minor)).collect()
}

#[test]
fn what_has_one_rate_is_rounded_once() {
    // Each line alone has 0.19: three of them have 0.57.
    let three = [line("standard", 0, 1), line("digital", 0, 1), line("standard", 1, 1)];
    assert_eq!(summary(&made(&three, &[])), [("19".into(), 3, 1)]);
    // Half away from zero: 0.5 % of 50 would be 9.5.
    assert_eq!(summary(&made(&[line("standard", 0, 50)], &[])), [("19".into(), 50, 10)]);
    assert_eq!(summary(&made(&[line("standard", 0, -50)], &[])), [("19".into(), -50, -10)]);
    let groups = [line("standard", 0, 1000), line("reduced", 0, 1000)];
    assert_eq!(summary(&made(&groups, &[])), [("19".into(), 1000, 190), ("5.5".into(), 1000, 55)]);
}

#[test]
fn what_came_late_is_taxed_as_in_its_period() {
    let lines = [line("standard", 2, 1000), line("standard", 1, 100)];
    assert_eq!(summary(&made(&lines, &[])), [("21.2345".into(), 1000, 212), ("19".into(), 100, 19)]);
}

#[test]
fn discounts_and_minimum_spends_are_taxed_as_what_they_are_of() {
    let lines = [line("standard", 0, 1000), line("reduced", 0, 500)];
    let discounts = [adjustment(Some("standard"), 0, -100), adjustment(Some("reduced"), 0, -50)];
    assert_eq!(summary(&made(&lines, &discounts)), [("19".into(), 900, 171), ("5.5".into(), 450, 25)]);
    assert_eq!(summary(&made(&[], &[adjustment(Some("standard"), 0, 500)])), [("19".into(), 500, 95)]);
    // What pays is not taxed.
    assert_eq!(summary(&made(&[], &[adjustment(None, 0, -500)])), [("19".into(), 0, 0)]);
}

#[test]
fn what_is_too_large_is_said_to_be() {
    let place = Place { country: "DE".parse().unwrap(), buyer_vat_id: None };
    let lines = [line("standard", 0, i64::MAX), line("standard", 0, 1)];
    assert!(bases(period(0), &lines, &[]).is_err());
    let lines = [line("standard", 0, i64::MAX), line("standard", 1, i64::MAX)];
    let bases = bases(period(0), &lines, &[]).unwrap();
    assert!(taxes(&bases, &place, rates).is_err());
}

#[test]
fn the_order_of_lines_makes_no_difference_and_no_cent_is_lost() {
    let mut numbers = Numbers(7);
    for _ in 0..3_000 {
        let mut lines: Vec<_> = (0..numbers.below(9)).map(|_| numbers.line()).collect();
        let mut adjustments: Vec<_> = (0..numbers.below(4)).map(|_| numbers.adjustment()).collect();
        let taxes = made(&lines, &adjustments);
        let sum_of = |amounts: &mut dyn Iterator<Item = i64>| amounts.map(i128::from).sum::<i128>();
        let charged = sum_of(&mut lines.iter().map(|line| line.amount_minor));
        let adjusted = sum_of(&mut adjustments.iter().map(|adjustment| adjustment.amount_minor));
        assert_eq!(sum_of(&mut taxes.iter().map(|tax| tax.taxable_minor)), charged + adjusted);
        for tax in &taxes {
            let exact = Decimal::from(tax.taxable_minor) * tax.percent / Decimal::ONE_HUNDRED;
            let half = Decimal::new(5, 1);
            assert!((exact - Decimal::from(tax.tax_minor)).abs() <= half, "{tax:?}");
            assert_eq!(sum_of(&mut tax.parts.iter().map(|part| part.tax_minor)), tax.tax_minor.into());
            assert_eq!(sum_of(&mut tax.parts.iter().map(|part| part.taxable_minor)), tax.taxable_minor.into());
            for part in tax.parts.iter() {
                let exact = Decimal::from(part.taxable_minor) * tax.percent / Decimal::ONE_HUNDRED;
                assert!((exact - Decimal::from(part.tax_minor)).abs() < Decimal::TWO, "{tax:?}");
                assert!(part.taxable_minor.signum() * part.tax_minor.signum() >= 0, "{tax:?}");
            }
        }
        lines.reverse();
        adjustments.reverse();
        let middle = lines.len() / 2;
        lines.rotate_left(middle);
        // A line of two rows is the same as one.
        if let Some(first) = lines.first_mut() {
            let half = first.amount_minor / 2;
            first.amount_minor -= half;
            let other = Taxable { amount_minor: half, ..first.clone() };
            lines.push(other);
        }
        assert_eq!(made(&lines, &adjustments), taxes);
    }
}
