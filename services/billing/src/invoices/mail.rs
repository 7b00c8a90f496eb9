//! What does the mail of an invoice say? Pure: the order to the mailer, with every number written for people.

use super::store::{Invoice, Line};
use crate::accounts::Account;
use contracts::messages::SendMail;
use serde_json::{Map, Value, json};

/// Decimal places of quantities in a mail; the invoice itself keeps them all.
const SHOWN_PLACES: u32 = 6;

/// The one mail of `invoice`: its key is the invoice.
pub fn order(account: &Account, invoice: &Invoice, lines: &[Line]) -> SendMail {
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let variables = [
        ("tenant_name", json!(account.name)),
        ("number", json!(invoice.number)),
        ("total", json!(invoice.currency.major(invoice.total_minor))),
        ("currency", json!(invoice.currency)),
        ("lines", json!(lines)),
        ("period_start", json!(invoice.period_start)),
        ("period_end", json!(invoice.period_end)),
    ];
    SendMail {
        key: format!("invoice:{}", invoice.id),
        template: "invoice".into(),
        recipient: account.email.clone(),
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
        expires_at: None,
    }
}

fn line(line: &Line) -> Value {
    json!({
        "description": line.description,
        "quantity": line.quantity.round_dp(SHOWN_PLACES).normalize().to_string(),
        "unit": line.unit,
        "amount": line.currency.major(line.amount_minor),
    })
}
