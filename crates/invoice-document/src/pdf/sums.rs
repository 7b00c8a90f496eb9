//! From the lines to what is due, and how it is taxed.

use super::{
    format,
    sheet::{LEFT, LINE, RIGHT, Sheet, Style},
    tree::{Part, Role},
};
use crate::model::{AdjustmentKind, Invoice, Kind, TaxGroup};

const ROW: Style = Style::plain(9.0);
const TOTAL: Style = Style::bold(11.0);
const SMALL: Style = Style::grey(8.0);
const HEAD: Style = Style::bold(8.0);
const GAP: f32 = 4.0;
/// The totals' left end, and the right end of the taxes.
const TOTALS_LEFT: f32 = 318.0;
const TAXES_RIGHT: f32 = 288.0;
const LABEL_WIDTH: f32 = 152.0;
const TAXABLE_RIGHT: f32 = 222.0;

pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    let totals = totals(invoice);
    sheet.need(totals_height(&totals).max(taxes_height(invoice)).min(Sheet::page_room()));
    sheet.beside(|sheet| write_totals(sheet, invoice, &totals), |sheet| write_taxes(sheet, invoice));
    sheet.y += 22.0;
}

/// Names and amounts; the last is what it all comes to.
fn totals(invoice: &Invoice) -> Vec<(String, i64)> {
    let totals = invoice.totals;
    let mut rows = Vec::new();
    if !invoice.adjustments.is_empty() {
        rows.push(("Sum of lines".to_owned(), totals.lines_minor));
    }
    for adjustment in &invoice.adjustments {
        let sign = if adjustment.kind == AdjustmentKind::Allowance { -1 } else { 1 };
        rows.push((adjustment.reason.clone(), sign * adjustment.amount_minor));
    }
    rows.push(("Total without VAT".into(), totals.without_tax_minor));
    rows.extend(invoice.taxes.iter().map(|group| (format::tax(group.tax), group.tax_minor)));
    rows.push(("Total with VAT".into(), totals.with_tax_minor));
    if totals.prepaid_minor != 0 {
        rows.push(("Already paid".into(), -totals.prepaid_minor));
    }
    let due = if matches!(invoice.kind, Kind::Invoice) { "Amount due" } else { "Amount credited" };
    rows.push((due.into(), totals.due_minor));
    rows
}

fn label_lines(index: usize, rows: &[(String, i64)]) -> (Vec<String>, Style) {
    let style = if index + 1 == rows.len() { TOTAL } else { ROW };
    (style.wrap(&rows[index].0, LABEL_WIDTH), style)
}

fn row_height(index: usize, rows: &[(String, i64)]) -> f32 {
    let (lines, style) = label_lines(index, rows);
    lines.len() as f32 * style.leading() + GAP
}

fn totals_height(rows: &[(String, i64)]) -> f32 {
    (0..rows.len()).map(|index| row_height(index, rows)).sum::<f32>() + 6.0
}

fn write_totals(sheet: &mut Sheet, invoice: &Invoice, rows: &[(String, i64)]) {
    let table = sheet.add(None, Role::Table);
    for (index, (_, amount)) in rows.iter().enumerate() {
        let (lines, style) = label_lines(index, rows);
        let last = index + 1 == rows.len();
        sheet.need(row_height(index, rows) + 6.0);
        if last {
            sheet.rule(TOTALS_LEFT, RIGHT, sheet.y, super::sheet::INK);
            sheet.y += 6.0;
        }
        let row = sheet.add(Some(table), Role::Row);
        let (name, value) = (sheet.add(Some(row), Role::RowHeader), sheet.add(Some(row), Role::Cell));
        let text =
            if last { format::money(*amount, &invoice.currency) } else { format::amount(*amount, &invoice.currency) };
        let fitting = style.fitting(&text, RIGHT - TOTALS_LEFT - LABEL_WIDTH + 40.0);
        sheet.text_right(Some(value), RIGHT - 6.0, sheet.y, &text, fitting);
        for line in lines {
            sheet.text(Some(name), TOTALS_LEFT, sheet.y, &line, style);
            sheet.y += style.leading();
        }
        sheet.y += GAP;
    }
}

fn reason_lines(group: &TaxGroup) -> Vec<String> {
    let reason = group.exemption_reason.as_deref();
    reason.map(|reason| SMALL.wrap(reason, TAXES_RIGHT - LEFT - 12.0)).unwrap_or_default()
}

fn group_height(group: &TaxGroup) -> f32 {
    ROW.leading() + reason_lines(group).len() as f32 * SMALL.leading() + GAP
}

fn taxes_height(invoice: &Invoice) -> f32 {
    invoice.taxes.iter().map(group_height).sum::<f32>() + HEAD.leading() + GAP
}

fn write_taxes(sheet: &mut Sheet, invoice: &Invoice) {
    let table = sheet.add(None, Role::Table);
    sheet.need(HEAD.leading() + GAP + 30.0);
    let head = sheet.add(Some(table), Role::TableHead);
    let row = sheet.add(Some(head), Role::Row);
    let cell = sheet.add(Some(row), Role::ColumnHeader);
    sheet.text(Some(cell), LEFT + 6.0, sheet.y, "VAT summary", HEAD);
    for (right, name) in [(TAXABLE_RIGHT, "Taxable"), (TAXES_RIGHT, "VAT")] {
        let cell = sheet.add(Some(row), Role::ColumnHeader);
        sheet.text_right(Some(cell), right, sheet.y, name, HEAD);
    }
    sheet.y += HEAD.leading() + 1.0;
    sheet.rule(LEFT, TAXES_RIGHT, sheet.y, LINE);
    sheet.y += GAP;
    let body = sheet.add(Some(table), Role::TableBody);
    for group in &invoice.taxes {
        let row = sheet.add(Some(body), Role::Row);
        write_group(sheet, invoice, group, row);
    }
}

fn write_group(sheet: &mut Sheet, invoice: &Invoice, group: &TaxGroup, row: Part) {
    sheet.need(group_height(group).min(Sheet::page_room()));
    let name = sheet.add(Some(row), Role::RowHeader);
    sheet.text(Some(name), LEFT + 6.0, sheet.y, &format::tax(group.tax), ROW);
    for (right, minor) in [(TAXABLE_RIGHT, group.taxable_minor), (TAXES_RIGHT, group.tax_minor)] {
        let cell = sheet.add(Some(row), Role::Cell);
        let amount = format::amount(minor, &invoice.currency);
        sheet.text_right(Some(cell), right, sheet.y, &amount, ROW.fitting(&amount, 62.0));
    }
    sheet.y += ROW.leading();
    for line in reason_lines(group) {
        sheet.need(SMALL.leading());
        sheet.text(Some(name), LEFT + 6.0, sheet.y, &line, SMALL);
        sheet.y += SMALL.leading();
    }
    sheet.y += GAP;
}
