//! Rows of cost-and-usage reports. Pure. The columns are named as in Amazon's CUR 2.0
//! (<https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html>).

use crate::{
    adjustments::{Adjustment, AdjustmentKind},
    allocation::spread,
    invoices::store::{Invoice, Line},
    plans::Kind,
    taxes::InvoiceTax,
};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Serialize;

const SECONDS_PER_HOUR: Decimal = Decimal::from_parts(3600, 0, 0, false, 0);
/// As fine as the use of an instance is weighed against that of the line.
const FINEST: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Row {
    pub bill_invoice_id: String,
    pub bill_payer_account_id: String,
    pub bill_billing_period_start_date: String,
    pub bill_billing_period_end_date: String,
    pub identity_line_item_id: String,
    /// `Usage`, `Discount`, `Fee` of a minimum spend, `Tax`, or `Credit`.
    pub line_item_line_item_type: &'static str,
    pub line_item_usage_start_date: String,
    pub line_item_usage_end_date: String,
    pub line_item_product_code: String,
    pub line_item_usage_type: String,
    /// The instance.
    pub line_item_resource_id: String,
    pub line_item_usage_amount: String,
    pub pricing_unit: String,
    pub pricing_rate_id: String,
    pub line_item_currency_code: String,
    /// In major units.
    pub line_item_unblended_cost: String,
    pub line_item_line_item_description: String,
}

/// A row for each instance, with its part of the amount by what it used, or one row where some of them give back what
/// others use: such parts have no bound.
pub fn of_line(invoice: &Invoice, line: &Line) -> Vec<Row> {
    let row = || Row {
        identity_line_item_id: line.id.to_string(),
        line_item_line_item_type: "Usage",
        line_item_usage_start_date: time(line.period_start),
        line_item_usage_end_date: time(line.period_end),
        line_item_product_code: line.service.clone(),
        line_item_usage_type: line.name.clone(),
        pricing_unit: cell(&line.unit),
        pricing_rate_id: line.rate_id.to_string(),
        line_item_line_item_description: cell(&line.description),
        ..of_bill(invoice)
    };
    let quantities: Vec<_> = line.instances.iter().map(|of| of.quantity).collect();
    let gives_back = |quantity: &Decimal| quantity.is_sign_negative() && !quantity.is_zero();
    if quantities.is_empty() || quantities.iter().any(gives_back) && !quantities.iter().all(gives_back) {
        let (amount, cost) = (line.quantity.normalize().to_string(), invoice.currency.major(line.amount_minor));
        return vec![Row { line_item_usage_amount: amount, line_item_unblended_cost: cost, ..row() }];
    }
    let costs = spread(line.amount_minor, &weights(&quantities));
    let of_instance = line.instances.iter().zip(costs).map(|(of, cost)| Row {
        line_item_resource_id: of.instance_id.to_string(),
        line_item_usage_amount: in_unit(line.rate_kind, of.quantity).to_string(),
        line_item_unblended_cost: invoice.currency.major(cost),
        ..row()
    });
    of_instance.collect()
}

pub fn of_adjustment(invoice: &Invoice, adjustment: &Adjustment) -> Row {
    Row {
        identity_line_item_id: adjustment.id.to_string(),
        line_item_line_item_type: match adjustment.kind {
            AdjustmentKind::Discount => "Discount",
            AdjustmentKind::MinimumSpend => "Fee",
            AdjustmentKind::Credit | AdjustmentKind::CarryForward => "Credit",
        },
        line_item_usage_start_date: time(adjustment.period_start),
        line_item_usage_end_date: time(adjustment.period_end),
        line_item_unblended_cost: invoice.currency.major(adjustment.amount_minor),
        line_item_line_item_description: cell(&adjustment.title),
        ..of_bill(invoice)
    }
}

/// A row for each group of rates and period, with its part of the tax.
pub fn of_tax(invoice: &Invoice, tax: &InvoiceTax) -> Vec<Row> {
    let charged = tax.parts.iter().filter(|part| part.tax_minor != 0);
    let of_part = charged.map(|part| Row {
        line_item_line_item_type: "Tax",
        line_item_usage_start_date: time(part.period_start),
        line_item_usage_end_date: time(part.period_end),
        line_item_usage_type: part.tax_group.clone(),
        line_item_unblended_cost: invoice.currency.major(part.tax_minor),
        line_item_line_item_description: format!("VAT {} %, {}", tax.percent.normalize(), tax.country.code()),
        ..of_bill(invoice)
    });
    of_part.collect()
}

fn of_bill(invoice: &Invoice) -> Row {
    Row {
        bill_invoice_id: invoice.number.clone().unwrap_or_default(),
        bill_payer_account_id: invoice.tenant_id.to_string(),
        bill_billing_period_start_date: time(invoice.period_start),
        bill_billing_period_end_date: time(invoice.period_end),
        line_item_currency_code: invoice.currency.to_string(),
        ..Row::default()
    }
}

/// Seconds of a feature are hours.
fn in_unit(kind: Kind, quantity: Decimal) -> Decimal {
    if kind == Kind::Feature { (quantity / SECONDS_PER_HOUR).normalize() } else { quantity.normalize() }
}

/// In billionths of the largest.
fn weights(quantities: &[Decimal]) -> Vec<i64> {
    let largest = quantities.iter().map(Decimal::abs).max().filter(|largest| !largest.is_zero());
    let largest = largest.unwrap_or(Decimal::ONE);
    quantities.iter().map(|quantity| (quantity.abs() / largest * FINEST).round().to_i64().unwrap_or_default()).collect()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A text that no spreadsheet takes for a formula (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// The rows as lines of CSV, after the columns' names if they come first.
pub fn written(rows: &[Row], is_first: bool) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).terminator(csv::Terminator::CRLF).from_writer(vec![]);
    if is_first {
        writer.write_record(COLUMNS)?;
    }
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    writer.into_inner().map_err(|error| error.into_error().into())
}

const COLUMNS: [&str; 17] = [
    "bill_invoice_id",
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "bill_billing_period_end_date",
    "identity_line_item_id",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_resource_id",
    "line_item_usage_amount",
    "pricing_unit",
    "pricing_rate_id",
    "line_item_currency_code",
    "line_item_unblended_cost",
    "line_item_line_item_description",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_their_fields() {
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.serialize(Row::default()).unwrap();
        let written = writer.into_inner().unwrap();
        assert_eq!(written.split(|byte| *byte == b'\n').next().unwrap(), COLUMNS.join(",").as_bytes());
    }

    #[test]
    fn no_text_is_a_formula_and_commas_stay_inside() {
        let [formula, plain] = ["=HYPERLINK(\"x\")", "Forum, per hour"].map(cell);
        let rows = [formula, plain].map(|text| Row { line_item_line_item_description: text, ..Row::default() });
        let text = String::from_utf8(written(&rows, false).unwrap()).unwrap();
        assert_eq!(text, format!("{0},\"'=HYPERLINK(\"\"x\"\")\"\r\n{0},\"Forum, per hour\"\r\n", ",".repeat(15)));
    }

    #[test]
    fn what_is_used_is_weighed_whatever_its_size() {
        let of =
            |quantities: &[&str]| weights(&quantities.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(of(&["0.001", "0.0005", "0"]), [1_000_000_000, 500_000_000, 0]);
        assert_eq!(of(&["79228162514264337593543950335", "1"]), [1_000_000_000, 0]);
        assert_eq!(of(&["-3", "-1"]), [1_000_000_000, 333_333_333]);
        assert_eq!(of(&["0", "0"]), [0, 0]);
    }
}
