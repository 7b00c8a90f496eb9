//! The mail of an invoice: the order to the mailer, with every number written for people.

use super::store::{Invoice, Line};
use crate::accounts::Account;
use contracts::{
    mails::{self, InvoiceLine},
    messages::SendMail,
};

/// Decimal places of quantities in a mail; the invoice itself keeps them all.
const SHOWN_PLACES: u32 = 6;

/// The one mail of `invoice`: its key is the invoice.
pub fn order(account: &Account, invoice: &Invoice, lines: &[Line]) -> SendMail {
    let mail = mails::Invoice {
        tenant_name: account.name.clone(),
        number: invoice.number.clone().unwrap_or_default(),
        period_start: invoice.period_start,
        period_end: invoice.period_end,
        lines: lines.iter().map(line).collect(),
        total: invoice.currency.major(invoice.total_minor),
        currency: invoice.currency.to_string(),
    };
    let (key, recipient) = (format!("invoice:{}", invoice.id), account.email.clone());
    SendMail { key, recipient, mail: mail.into(), expires_at: None }
}

fn line(line: &Line) -> InvoiceLine {
    InvoiceLine {
        description: line.description.clone(),
        quantity: line.quantity.round_dp(SHOWN_PLACES).normalize().to_string(),
        amount: line.currency.major(line.amount_minor),
    }
}
