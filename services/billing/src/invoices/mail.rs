//! The mail of an invoice: the order to the mailer, with every number written for people.

use super::number_store::{LineToMail, ToMail};
use crate::currency::Currency;
use contracts::{
    mails::{self, InvoiceLine},
    messages::SendMail,
};

/// Decimal places of quantities in a mail; the invoice itself keeps them all.
const SHOWN_PLACES: u32 = 6;

/// The one mail of `invoice`: its key is the invoice.
pub fn order(invoice: ToMail, lines: &[LineToMail]) -> SendMail {
    let mail = mails::Invoice {
        tenant_name: invoice.tenant_name,
        number: invoice.number,
        period_start: invoice.period_start,
        period_end: invoice.period_end,
        lines: lines.iter().map(|line| shown(line, &invoice.currency)).collect(),
        total: invoice.currency.major(invoice.total_minor),
        currency: invoice.currency.to_string(),
    };
    let (key, recipient) = (format!("invoice:{}", invoice.id), invoice.email);
    SendMail { key, recipient, mail: mail.into(), expires_at: None }
}

fn shown(line: &LineToMail, currency: &Currency) -> InvoiceLine {
    InvoiceLine {
        description: line.description.clone(),
        quantity: line.quantity.round_dp(SHOWN_PLACES).normalize().to_string(),
        amount: currency.major(line.amount_minor),
    }
}
