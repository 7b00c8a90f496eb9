//! Event records of SES about a mail, in the shape that it publishes to SNS
//! (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// The domain whose mailboxes behave by name
/// (<https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator>).
const SIMULATOR: &str = "simulator.amazonses.com";

/// A sent mail as the emulator shows it; it shows neither message tags nor headers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mail {
    pub message_id: String,
    pub source: String,
    #[serde(default)]
    pub to: Vec<String>,
    #[serde(default, rename = "CC")]
    pub cc: Vec<String>,
    #[serde(default, rename = "BCC")]
    pub bcc: Vec<String>,
    #[serde(default)]
    pub subject: String,
    /// Seconds since the epoch.
    pub timestamp: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered,
    Bounced,
    Complained,
}

/// Who sends, for the `mail` object.
pub struct Sender<'a> {
    pub account_id: &'a str,
    pub region: &'a str,
}

/// The events of `mail` in the order of their happening: sent, then bounced or delivered, then complained about.
pub fn of(mail: &Mail, sender: &Sender<'_>, now: DateTime<Utc>) -> Vec<Value> {
    let recipients: Vec<&str> =
        [&mail.to, &mail.cc, &mail.bcc].into_iter().flatten().map(|recipient| address(recipient)).collect();
    let having = |wanted: &[Fate]| {
        recipients.iter().copied().filter(|recipient| wanted.contains(&fate(recipient))).collect::<Vec<_>>()
    };
    let about = describe(mail, sender, &recipients);
    let at = time(now);
    let mut events = vec![json!({"eventType": "Send", "mail": about, "send": {}})];
    let bounced = having(&[Fate::Bounced]);
    if !bounced.is_empty() {
        events.push(json!({"eventType": "Bounce", "bounce": bounce(mail, &bounced, &at), "mail": about}));
    }
    // Who complains has got the mail first.
    let delivered = having(&[Fate::Delivered, Fate::Complained]);
    if !delivered.is_empty() {
        events.push(json!({"eventType": "Delivery", "mail": about, "delivery": delivery(mail, &delivered, now)}));
    }
    let complained = having(&[Fate::Complained]);
    if !complained.is_empty() {
        events.push(json!({"eventType": "Complaint", "complaint": complaint(mail, &complained, &at), "mail": about}));
    }
    events
}

fn describe(mail: &Mail, sender: &Sender<'_>, recipients: &[&str]) -> Value {
    let from = address(&mail.source);
    let domain = from.rsplit('@').next().unwrap_or_default();
    json!({
        "timestamp": time(sent_at(mail)),
        "source": mail.source,
        "sourceArn": format!("arn:aws:ses:{}:{}:identity/{domain}", sender.region, sender.account_id),
        "sendingAccountId": sender.account_id,
        "messageId": mail.message_id,
        "destination": recipients,
        "headersTruncated": false,
        "headers": [
            {"name": "From", "value": mail.source},
            {"name": "To", "value": mail.to.join(", ")},
            {"name": "Subject", "value": mail.subject},
        ],
        "commonHeaders": {"from": [mail.source], "to": mail.to, "messageId": mail.message_id, "subject": mail.subject},
        "tags": {"ses:source-ip": ["127.0.0.1"], "ses:from-domain": [domain], "ses:caller-identity": ["local"]},
    })
}

fn bounce(mail: &Mail, recipients: &[&str], at: &str) -> Value {
    let recipients: Vec<_> = recipients
        .iter()
        .map(|recipient| {
            json!({"emailAddress": recipient, "action": "failed", "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 user unknown"})
        })
        .collect();
    json!({
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": recipients,
        "timestamp": at,
        "feedbackId": format!("{}-bounce", mail.message_id),
        "reportingMTA": format!("dsn; {SIMULATOR}"),
    })
}

fn complaint(mail: &Mail, recipients: &[&str], at: &str) -> Value {
    let recipients: Vec<_> = recipients.iter().map(|recipient| json!({"emailAddress": recipient})).collect();
    json!({
        "complainedRecipients": recipients,
        "timestamp": at,
        "feedbackId": format!("{}-complaint", mail.message_id),
        "complaintSubType": null,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": at,
    })
}

fn delivery(mail: &Mail, recipients: &[&str], now: DateTime<Utc>) -> Value {
    json!({
        "timestamp": time(now),
        "processingTimeMillis": (now - sent_at(mail)).num_milliseconds().max(0),
        "recipients": recipients,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": SIMULATOR,
    })
}

/// `bounce+label@…` is `bounce@…`, so that each test has an address of its own.
fn fate(recipient: &str) -> Fate {
    let Some((local, domain)) = recipient.rsplit_once('@') else { return Fate::Delivered };
    if !domain.eq_ignore_ascii_case(SIMULATOR) {
        return Fate::Delivered;
    }
    match local.split('+').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "bounce" => Fate::Bounced,
        "complaint" => Fate::Complained,
        _ => Fate::Delivered,
    }
}

/// The bare address of `Ada <ada@acme.test>`.
fn address(mailbox: &str) -> &str {
    mailbox.rsplit_once('<').map_or(mailbox, |(_, rest)| rest.trim_end_matches('>')).trim()
}

fn sent_at(mail: &Mail) -> DateTime<Utc> {
    DateTime::from_timestamp_micros((mail.timestamp * 1e6) as i64).unwrap_or_default()
}

/// ISO 8601 with milliseconds, as SES writes it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(to: &[&str]) -> Vec<Value> {
        let mail = Mail {
            message_id: "m".into(),
            source: "Sevenleague <no-reply@sevenleague.test>".into(),
            to: to.iter().map(ToString::to_string).collect(),
            cc: vec![],
            bcc: vec![],
            subject: "Hello".into(),
            timestamp: 1_700_000_000.25,
        };
        of(
            &mail,
            &Sender { account_id: "000000000000", region: "eu-central-1" },
            DateTime::from_timestamp(1_700_000_001, 0).unwrap(),
        )
    }

    fn types(to: &[&str]) -> Vec<String> {
        events(to).iter().map(|event| event["eventType"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_address_decides_what_becomes_of_its_mail() {
        assert_eq!(types(&["ada@acme.test"]), ["Send", "Delivery"]);
        assert_eq!(types(&["success@simulator.amazonses.com"]), ["Send", "Delivery"]);
        assert_eq!(types(&["Bounce@Simulator.amazonses.com"]), ["Send", "Bounce"]);
        assert_eq!(types(&["B <bounce+1@simulator.amazonses.com>"]), ["Send", "Bounce"]);
        assert_eq!(types(&["complaint@simulator.amazonses.com"]), ["Send", "Delivery", "Complaint"]);
        assert_eq!(types(&["bounce@acme.test"]), ["Send", "Delivery"]);
    }

    #[test]
    fn each_recipient_has_its_own_fate() {
        let events = events(&["ada@acme.test", "bounce@simulator.amazonses.com"]);
        assert_eq!(events[1]["bounce"]["bouncedRecipients"][0]["emailAddress"], "bounce@simulator.amazonses.com");
        assert_eq!(events[1]["bounce"]["bouncedRecipients"].as_array().unwrap().len(), 1);
        assert_eq!(events[2]["delivery"]["recipients"], json!(["ada@acme.test"]));
        assert_eq!(events[2]["delivery"]["processingTimeMillis"], 750);
        assert_eq!(events[2]["mail"]["timestamp"], "2023-11-14T22:13:20.250Z");
        assert_eq!(events[2]["mail"]["sourceArn"], "arn:aws:ses:eu-central-1:000000000000:identity/sevenleague.test");
    }
}
