//! What adjustments make of the sum of the lines: discounts and minimum spends are allowances and charges of the whole
//! document (BG-20, BG-21); credits pay, and so change no taxable amount (BT-113).

use super::taxation::{Taxation, Unstated};
use crate::{
    adjustments::{Adjustment, AdjustmentKind},
    currency::Currency,
};
use invoice_document::{AdjustmentKind as Direction, Totals};
use uuid::Uuid;

/// As many credits as a note tells of, and of a title so many characters.
const MOST_TOLD: usize = 20;
const LONGEST_TITLE: usize = 150;

/// `due_minor` is what the invoice comes to; what the others leave of it is paid by credits.
pub fn totals(
    lines_minor: i64,
    adjustments: &[invoice_document::Adjustment],
    tax_minor: i64,
    due_minor: i64,
) -> Totals {
    let sum = |kind| {
        let of_kind = adjustments.iter().filter(|adjustment| adjustment.kind == kind);
        of_kind.map(|adjustment| adjustment.amount_minor).sum::<i64>()
    };
    let (allowances_minor, charges_minor) = (sum(Direction::Allowance), sum(Direction::Charge));
    let without_tax_minor = lines_minor - allowances_minor + charges_minor;
    let with_tax_minor = without_tax_minor + tax_minor;
    Totals {
        lines_minor,
        allowances_minor,
        charges_minor,
        without_tax_minor,
        tax_minor,
        with_tax_minor,
        prepaid_minor: with_tax_minor - due_minor,
        due_minor,
    }
}

/// Those that change what is taxed: of each discount and minimum spend, what all periods together take off or add, of
/// each category and rate.
pub fn adjustments(
    adjustments: &[Adjustment],
    taxation: &Taxation<'_>,
) -> Result<Vec<invoice_document::Adjustment>, Unstated> {
    let mut said: Vec<(Uuid, invoice_document::Adjustment)> = Vec::new();
    for adjustment in adjustments.iter().filter(|adjustment| !adjustment.is_payment()) {
        let kind = if adjustment.amount_minor < 0 { Direction::Allowance } else { Direction::Charge };
        let (source, amount) = (adjustment.source_id, adjustment.amount_minor.saturating_abs());
        let tax = taxation.of_adjustment(adjustment)?;
        let alike = |one: &invoice_document::Adjustment| (one.kind, one.tax) == (kind, tax);
        match said.iter_mut().find(|(of, said)| *of == source && alike(said)) {
            Some((_, said)) => said.amount_minor = said.amount_minor.saturating_add(amount),
            None => {
                let reason = title(adjustment);
                said.push((source, invoice_document::Adjustment { kind, reason, amount_minor: amount, tax }));
            }
        }
    }
    Ok(said.into_iter().map(|(_, said)| said).collect())
}

/// One note that tells of each credit that pays, or is left.
pub fn notes(adjustments: &[Adjustment], currency: &Currency) -> Vec<String> {
    let credits: Vec<_> = adjustments.iter().filter(|adjustment| adjustment.is_payment()).collect();
    let mut told: Vec<_> = credits.iter().take(MOST_TOLD).map(|credit| note(credit, currency)).collect();
    if credits.len() > MOST_TOLD {
        told.push(format!("And {} more credits.", credits.len() - MOST_TOLD));
    }
    if told.is_empty() { Vec::new() } else { vec![told.join("\n")] }
}

fn note(credit: &Adjustment, currency: &Currency) -> String {
    let amount = format!("{currency} {}", currency.major(credit.amount_minor.saturating_abs()));
    match credit.kind {
        AdjustmentKind::CarryForward => format!("{amount} are left to you as a credit for later invoices."),
        _ => format!("{amount} are paid by your credit “{}”.", title(credit)),
    }
}

fn title(adjustment: &Adjustment) -> String {
    adjustment.title.chars().take(LONGEST_TITLE).collect()
}
