//! What adjustments make of the sum of the lines: discounts and minimum spends are allowances and charges of the whole
//! document (BG-20, BG-21); credits pay, and so change no taxable amount (BT-113).

use crate::{
    adjustments::{Adjustment, AdjustmentKind},
    currency::Currency,
};
use invoice_document::{AdjustmentKind as Direction, Tax, Totals};
use uuid::Uuid;

/// As many credits as a note tells of, and of a title so many characters.
const MOST_TOLD: usize = 20;
const LONGEST_TITLE: usize = 150;

/// An invoice without adjustments.
pub fn plain(lines_minor: i64) -> Totals {
    totals(lines_minor, &[], lines_minor)
}

/// `due_minor` is what the invoice comes to; what the others leave of it is paid by credits.
pub fn totals(lines_minor: i64, adjustments: &[invoice_document::Adjustment], due_minor: i64) -> Totals {
    let sum = |kind| {
        let of_kind = adjustments.iter().filter(|adjustment| adjustment.kind == kind);
        of_kind.map(|adjustment| adjustment.amount_minor).sum::<i64>()
    };
    let (allowances_minor, charges_minor) = (sum(Direction::Allowance), sum(Direction::Charge));
    let without_tax_minor = lines_minor - allowances_minor + charges_minor;
    Totals {
        lines_minor,
        allowances_minor,
        charges_minor,
        without_tax_minor,
        tax_minor: 0,
        with_tax_minor: without_tax_minor,
        prepaid_minor: without_tax_minor - due_minor,
        due_minor,
    }
}

/// Those that change what is taxed: of each discount and minimum spend, what all periods together take off or add.
pub fn adjustments(adjustments: &[Adjustment], tax: Tax) -> Vec<invoice_document::Adjustment> {
    let mut said: Vec<(Uuid, invoice_document::Adjustment)> = Vec::new();
    for adjustment in adjustments.iter().filter(|adjustment| !is_payment(adjustment)) {
        let kind = if adjustment.amount_minor < 0 { Direction::Allowance } else { Direction::Charge };
        let (source, amount) = (adjustment.source_id, adjustment.amount_minor.saturating_abs());
        match said.iter_mut().find(|(of, said)| *of == source && said.kind == kind) {
            Some((_, said)) => said.amount_minor = said.amount_minor.saturating_add(amount),
            None => {
                let reason = title(adjustment);
                said.push((source, invoice_document::Adjustment { kind, reason, amount_minor: amount, tax }));
            }
        }
    }
    said.into_iter().map(|(_, said)| said).collect()
}

/// One note that tells of each credit that pays, or is left.
pub fn notes(adjustments: &[Adjustment], currency: &Currency) -> Vec<String> {
    let credits: Vec<_> = adjustments.iter().filter(|adjustment| is_payment(adjustment)).collect();
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

fn is_payment(adjustment: &Adjustment) -> bool {
    matches!(adjustment.kind, AdjustmentKind::Credit | AdjustmentKind::CarryForward)
}

fn title(adjustment: &Adjustment) -> String {
    adjustment.title.chars().take(LONGEST_TITLE).collect()
}
