//! Payment, taxes and totals (BG-16 to BG-23).

use super::{basic, category, date, period, rate};
use crate::{
    model::{Adjustment, AdjustmentKind, Invoice, Kind, TaxCategory, TaxGroup, Transfer},
    xml::Xml,
};

/// Codes of UNTDID 4461: a transfer within SEPA, and any other.
const SEPA_TRANSFER: &str = "58";
const TRANSFER: &str = "30";

pub(super) fn write(xml: &mut Xml, invoice: &Invoice) {
    let major = |minor| invoice.currency.major(minor).to_string();
    xml.group("ram:ApplicableHeaderTradeSettlement", |xml| {
        xml.optional("ram:PaymentReference", invoice.payment.reference.as_deref());
        xml.leaf("ram:InvoiceCurrencyCode", &invoice.currency.code);
        if let Some(to) = invoice.payment.transfer.as_ref().filter(|_| invoice.asks_for_payment()) {
            transfer(xml, to, &invoice.currency.code);
        }
        for group in &invoice.taxes {
            tax(xml, group, &major);
        }
        period(xml, invoice.period);
        for of_document in &invoice.adjustments {
            adjustment(xml, of_document, &major);
        }
        terms(xml, invoice);
        totals(xml, invoice, &major);
        if let Kind::CreditNote { corrects } = &invoice.kind {
            xml.group("ram:InvoiceReferencedDocument", |xml| {
                xml.leaf("ram:IssuerAssignedID", &corrects.number);
                if let Some(issued_on) = corrects.issued_on {
                    xml.group("ram:FormattedIssueDateTime", |xml| {
                        xml.leaf_with("qdt:DateTimeString", &[("format", "102")], basic(issued_on));
                    });
                }
            });
        }
    });
}

fn transfer(xml: &mut Xml, to: &Transfer, currency: &str) {
    xml.group("ram:SpecifiedTradeSettlementPaymentMeans", |xml| {
        xml.leaf("ram:TypeCode", if currency == "EUR" { SEPA_TRANSFER } else { TRANSFER });
        xml.group("ram:PayeePartyCreditorFinancialAccount", |xml| {
            xml.leaf("ram:IBANID", &to.iban);
            xml.leaf("ram:AccountName", &to.account_holder);
        });
        if let Some(bic) = &to.bic {
            xml.group("ram:PayeeSpecifiedCreditorFinancialInstitution", |xml| xml.leaf("ram:BICID", bic));
        }
    });
}

fn tax(xml: &mut Xml, group: &TaxGroup, major: &impl Fn(i64) -> String) {
    xml.group("ram:ApplicableTradeTax", |xml| {
        xml.leaf("ram:CalculatedAmount", major(group.tax_minor));
        xml.leaf("ram:TypeCode", "VAT");
        xml.optional("ram:ExemptionReason", group.exemption_reason.as_deref());
        xml.leaf("ram:BasisAmount", major(group.taxable_minor));
        xml.leaf("ram:CategoryCode", category(group.tax.category));
        xml.optional("ram:ExemptionReasonCode", exemption(group.tax.category));
        xml.optional("ram:RateApplicablePercent", rate(group.tax).as_deref());
    });
}

/// The code of CEF's list VATEX where a category has one reason only; why something is exempt is the text alone.
fn exemption(category: TaxCategory) -> Option<&'static str> {
    match category {
        TaxCategory::ReverseCharge => Some("VATEX-EU-AE"),
        TaxCategory::Export => Some("VATEX-EU-G"),
        TaxCategory::NotSubject => Some("VATEX-EU-O"),
        TaxCategory::Standard | TaxCategory::ZeroRated | TaxCategory::Exempt => None,
    }
}

fn adjustment(xml: &mut Xml, adjustment: &Adjustment, major: &impl Fn(i64) -> String) {
    let is_charge = adjustment.kind == AdjustmentKind::Charge;
    xml.group("ram:SpecifiedTradeAllowanceCharge", |xml| {
        xml.group("ram:ChargeIndicator", |xml| xml.leaf("udt:Indicator", is_charge.to_string()));
        xml.leaf("ram:ActualAmount", major(adjustment.amount_minor));
        xml.leaf("ram:Reason", &adjustment.reason);
        xml.group("ram:CategoryTradeTax", |xml| {
            xml.leaf("ram:TypeCode", "VAT");
            xml.leaf("ram:CategoryCode", category(adjustment.tax.category));
            xml.optional("ram:RateApplicablePercent", rate(adjustment.tax).as_deref());
        });
    });
}

fn terms(xml: &mut Xml, invoice: &Invoice) {
    let link = invoice.payment.link.as_ref().filter(|_| invoice.asks_for_payment());
    let link = link.map(|link| format!("Pay online: {link}"));
    let description: Vec<_> = invoice.payment.terms.clone().into_iter().chain(link).collect();
    if description.is_empty() && invoice.due_on.is_none() {
        return;
    }
    xml.group("ram:SpecifiedTradePaymentTerms", |xml| {
        if !description.is_empty() {
            xml.leaf("ram:Description", description.join("\n"));
        }
        if let Some(due_on) = invoice.due_on {
            date(xml, "ram:DueDateDateTime", due_on);
        }
    });
}

fn totals(xml: &mut Xml, invoice: &Invoice, major: &impl Fn(i64) -> String) {
    let totals = invoice.totals;
    xml.group("ram:SpecifiedTradeSettlementHeaderMonetarySummation", |xml| {
        xml.leaf("ram:LineTotalAmount", major(totals.lines_minor));
        xml.leaf("ram:ChargeTotalAmount", major(totals.charges_minor));
        xml.leaf("ram:AllowanceTotalAmount", major(totals.allowances_minor));
        xml.leaf("ram:TaxBasisTotalAmount", major(totals.without_tax_minor));
        xml.leaf_with("ram:TaxTotalAmount", &[("currencyID", &invoice.currency.code)], major(totals.tax_minor));
        xml.leaf("ram:GrandTotalAmount", major(totals.with_tax_minor));
        xml.leaf("ram:TotalPrepaidAmount", major(totals.prepaid_minor));
        xml.leaf("ram:DuePayableAmount", major(totals.due_minor));
    });
}
