//! BR-CO-10 to BR-CO-17: what has to add up.

use super::{Refused, rounded, rule};
use crate::model::{AdjustmentKind, Invoice, TaxGroup};
use rust_decimal::{Decimal, prelude::ToPrimitive};

pub(super) fn check(invoice: &Invoice) -> Result<(), Refused> {
    let totals = invoice.totals;
    let adjusted = |kind| {
        let of_kind = invoice.adjustments.iter().filter(move |adjustment| adjustment.kind == kind);
        sum(of_kind.map(|adjustment| adjustment.amount_minor))
    };
    if invoice.adjustments.iter().any(|adjustment| adjustment.amount_minor < 0) {
        return Err(Refused::Malformed { field: "discount or surcharge", form: "an amount of zero or more" });
    }
    equal("BR-CO-10", sum(invoice.lines.iter().map(|line| line.amount_minor)), totals.lines_minor)?;
    equal("BR-CO-11", adjusted(AdjustmentKind::Allowance), totals.allowances_minor)?;
    equal("BR-CO-12", adjusted(AdjustmentKind::Charge), totals.charges_minor)?;
    let without_tax = sum([totals.lines_minor, totals.charges_minor]) - i128::from(totals.allowances_minor);
    equal("BR-CO-13", without_tax, totals.without_tax_minor)?;
    equal("BR-CO-14", sum(invoice.taxes.iter().map(|group| group.tax_minor)), totals.tax_minor)?;
    equal("BR-CO-15", sum([totals.without_tax_minor, totals.tax_minor]), totals.with_tax_minor)?;
    let due = i128::from(totals.with_tax_minor) - i128::from(totals.prepaid_minor);
    equal("BR-CO-16", due, totals.due_minor)?;
    invoice.taxes.iter().try_for_each(tax_of_group)
}

/// The tax of a group is rounded once, half away from zero.
fn tax_of_group(group: &TaxGroup) -> Result<(), Refused> {
    let exact = Decimal::from(group.taxable_minor).checked_mul(group.tax.rate);
    let tax = exact.and_then(|exact| rounded(exact / Decimal::ONE_HUNDRED).to_i128());
    let Some(tax) = tax else { return rule("BR-CO-17", "a tax can be computed: its numbers are too large") };
    equal("BR-CO-17", tax, group.tax_minor)
}

pub(super) fn sum(amounts: impl IntoIterator<Item = i64>) -> i128 {
    amounts.into_iter().map(i128::from).sum()
}

pub(super) fn equal(rule: &'static str, expected: i128, found: i64) -> Result<(), Refused> {
    if expected == i128::from(found) { Ok(()) } else { Err(Refused::Arithmetic { rule, expected, found }) }
}
