//! The rules of EN 16931-1 that an invoice must keep, by their names there. A document that breaks one would be refused
//! by its receiver.

mod parties;
mod sums;
mod taxes;

use crate::model::{Currency, Invoice, Line, Period, Price};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// They take hundreds of pages, 100 MiB of memory and some seconds.
const MAX_LINES: usize = 10_000;
const MAX_DETAILS: usize = 100;
const MAX_ADJUSTMENTS: usize = 100;
const MAX_NOTES: usize = 20;
/// The most that ISO 4217 has (CLF).
const MAX_EXPONENT: u32 = 4;

/// An invoice that may not go out. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("the {field} is missing")]
    Empty { field: &'static str },
    #[error("the {field} is longer than {limit} characters")]
    TooLong { field: &'static str, limit: usize },
    #[error("there are more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("the {field} is not {form}")]
    Malformed { field: &'static str, form: &'static str },
    #[error("{rule}: {found} should be {expected}")]
    Arithmetic { rule: &'static str, expected: i128, found: i64 },
    #[error("line {line}: {found} should be {expected}, its quantity times its price")]
    LineAmount { line: usize, expected: i64, found: i64 },
    #[error("{rule}: {requirement}")]
    Rule { rule: &'static str, requirement: &'static str },
    #[error("line {line} cannot be computed: its numbers are too large")]
    TooLarge { line: usize },
}

/// Checks what [`crate::text::clean`] has left.
pub(crate) fn check(invoice: &Invoice) -> Result<(), Refused> {
    counts(invoice)?;
    currency(&invoice.currency)?;
    dates(invoice)?;
    parties::check(invoice)?;
    for (number, line) in (1..).zip(&invoice.lines) {
        check_line(number, line, &invoice.currency)?;
    }
    sums::check(invoice)?;
    taxes::check(invoice)
}

fn counts(invoice: &Invoice) -> Result<(), Refused> {
    if invoice.lines.is_empty() {
        return rule("BR-16", "an invoice has at least one line");
    }
    at_most("lines", MAX_LINES, invoice.lines.len())?;
    at_most("adjustments", MAX_ADJUSTMENTS, invoice.adjustments.len())?;
    at_most("notes", MAX_NOTES, invoice.notes.len())?;
    invoice.lines.iter().try_for_each(|line| at_most("details of a line", MAX_DETAILS, line.details.len()))
}

fn currency(currency: &Currency) -> Result<(), Refused> {
    if currency.code.len() != 3 || !currency.code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Refused::Malformed { field: "currency", form: "a code of ISO 4217" });
    }
    if currency.exponent > MAX_EXPONENT {
        return Err(Refused::Malformed { field: "currency", form: "one with at most four decimal places" });
    }
    Ok(())
}

fn dates(invoice: &Invoice) -> Result<(), Refused> {
    let periods = invoice.lines.iter().map(|line| ("BR-30", line.period)).chain([("BR-29", invoice.period)]);
    for (name, period) in periods {
        if period.is_some_and(|Period { first, last }| last < first) {
            return rule(name, "a period ends on the day on which it begins, or later");
        }
    }
    if invoice.totals.due_minor > 0 && invoice.due_on.is_none() && invoice.payment.terms.is_none() {
        return rule("BR-CO-25", "an amount is due on a date or by terms of payment");
    }
    Ok(())
}

fn check_line(number: usize, line: &Line, currency: &Currency) -> Result<(), Refused> {
    let code = &line.unit.code;
    if !(1..=3).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return Err(Refused::Malformed { field: "unit", form: "a code of UN/ECE Recommendation 20" });
    }
    let Price::Unit(price) = line.price else { return Ok(()) };
    if price.is_sign_negative() && !price.is_zero() {
        return rule("BR-27", "a price is not negative");
    }
    let minor = Decimal::from(10_i64.pow(currency.exponent));
    let exact = line.quantity.checked_mul(price).and_then(|amount| amount.checked_mul(minor));
    let rounded = exact.and_then(|amount| rounded(amount).to_i64()).ok_or(Refused::TooLarge { line: number })?;
    // A quantity is printed with fewer places than it was priced with; that may move the last digit.
    if rounded.abs_diff(line.amount_minor) > 1 {
        return Err(Refused::LineAmount { line: number, expected: rounded, found: line.amount_minor });
    }
    Ok(())
}

/// Half away from zero, to whole minor units.
fn rounded(minor: Decimal) -> Decimal {
    minor.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
}

fn at_most(what: &'static str, limit: usize, found: usize) -> Result<(), Refused> {
    if found > limit { Err(Refused::TooMany { what, limit }) } else { Ok(()) }
}

fn rule<T>(rule: &'static str, requirement: &'static str) -> Result<T, Refused> {
    Err(Refused::Rule { rule, requirement })
}
