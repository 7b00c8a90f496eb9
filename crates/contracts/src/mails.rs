//! The mails that people get. A mail's type is what its template is filled in with; the texts are the mailer's
//! (`services/mailer/templates`).

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What one kind of mail says; its fields are the variables of its template.
pub trait Mail: Serialize + DeserializeOwned + JsonSchema + Into<AnyMail> {
    /// Of its three files: `<template>.subject.txt`, `<template>.html` and `<template>.txt`.
    const TEMPLATE: &'static str;
    const CAUSE: Cause;

    /// One with every field filled in, with which tests render it.
    fn sample() -> Self;

    /// A page that refuses the next such mail, also by one click (RFC 8058). Every mail that a tenant causes has one.
    fn refuse_link(&self) -> Option<&str> {
        None
    }

    /// How long the mail has a point; `None` if it says nothing about it.
    fn lifetime(&self) -> Option<TimeDelta> {
        None
    }
}

/// Who brings it about that somebody gets a mail?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Whoever gave their own address, or the platform, which has to tell its customers something.
    Platform,
    /// A tenant, which writes to whom it likes.
    Tenant,
}

macro_rules! mails {
    ($($name:ident = $template:literal caused by $cause:ident { $($methods:item)+ })+) => {
        $(impl Mail for $name {
            const TEMPLATE: &'static str = $template;
            const CAUSE: Cause = Cause::$cause;
            $($methods)+
        }
        impl From<$name> for AnyMail {
            fn from(mail: $name) -> Self {
                Self::$name(mail)
            }
        })+
        /// A mail of any kind: the name of its template, and its variables.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "template", content = "variables")]
        pub enum AnyMail {
            $(#[serde(rename = $template)] $name($name)),+
        }
        impl AnyMail {
            /// The template of each kind.
            pub const TEMPLATES: &[&str] = &[$($template),+];
            pub fn samples() -> Vec<Self> {
                vec![$($name::sample().into()),+]
            }
            pub fn template(&self) -> &'static str {
                match self { $(Self::$name(_) => $template),+ }
            }
            pub fn cause(&self) -> Cause {
                match self { $(Self::$name(_) => $name::CAUSE),+ }
            }
            pub fn refuse_link(&self) -> Option<&str> {
                match self { $(Self::$name(mail) => mail.refuse_link()),+ }
            }
            pub fn lifetime(&self) -> Option<TimeDelta> {
                match self { $(Self::$name(mail) => mail.lifetime()),+ }
            }
            /// An object.
            pub fn variables(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$name(mail) => serde_json::to_value(mail)),+ }
            }
        }
    };
}

mails! {
    AccountExists = "account-exists" caused by Platform {
        fn sample() -> Self {
            Self { link: "https://auth.example.com".into() }
        }
    }
    ApiKeyLeaked = "api-key-leaked" caused by Platform {
        fn sample() -> Self {
            Self { name: "spreadsheet".into(), tenant_name: "Acme".into(), revoked_at: DateTime::UNIX_EPOCH }
        }
    }
    Invitation = "invitation" caused by Tenant {
        fn sample() -> Self {
            Self {
                tenant_name: "Acme".into(),
                inviter: "Ada".into(),
                link: "https://auth.example.com/v1/invitations/x".into(),
                refuse_link: "https://auth.example.com/v1/invitation-refusals/x".into(),
                days: 7,
            }
        }
        fn refuse_link(&self) -> Option<&str> {
            Some(&self.refuse_link)
        }
        fn lifetime(&self) -> Option<TimeDelta> {
            TimeDelta::try_days(self.days)
        }
    }
    Invoice = "invoice" caused by Platform {
        fn sample() -> Self {
            let line = InvoiceLine { description: "Forum".into(), quantity: "744".into(), amount: "14.88".into() };
            Self {
                tenant_name: "Acme".into(),
                number: "00000001".into(),
                period_start: DateTime::UNIX_EPOCH,
                period_end: DateTime::UNIX_EPOCH + TimeDelta::days(31),
                lines: vec![line],
                total: "14.88".into(),
                currency: "EUR".into(),
            }
        }
    }
    Notice = "notice" caused by Platform {
        fn sample() -> Self {
            Self { title: "Hello".into(), text: "It works.".into() }
        }
    }
    PasswordChanged = "password-changed" caused by Platform {
        fn sample() -> Self {
            Self { changed_at: DateTime::UNIX_EPOCH }
        }
    }
    PaymentReminder = "payment-reminder" caused by Platform {
        fn sample() -> Self {
            Self {
                tenant_name: "Acme".into(),
                number: "00000001".into(),
                total: "14.88".into(),
                currency: "EUR".into(),
                reason: ReminderReason::Declined,
                suspended_at: DateTime::UNIX_EPOCH + TimeDelta::days(14),
                suspended: false,
            }
        }
    }
    ResetPassword = "reset-password" caused by Platform {
        fn sample() -> Self {
            Self { link: "https://auth.example.com/v1/password-resets/x".into(), minutes: 30 }
        }
        fn lifetime(&self) -> Option<TimeDelta> {
            TimeDelta::try_minutes(self.minutes)
        }
    }
    SecondFactorChanged = "second-factor-changed" caused by Platform {
        fn sample() -> Self {
            Self { change: FactorChange::TotpAdded, changed_at: DateTime::UNIX_EPOCH }
        }
    }
    SessionCompromised = "session-compromised" caused by Platform {
        fn sample() -> Self {
            Self { ended_at: DateTime::UNIX_EPOCH }
        }
    }
    VerifyEmail = "verify-email" caused by Platform {
        fn sample() -> Self {
            let registration = |link: &str| Registration {
                display_name: "Ada".into(),
                tenant_name: "Acme".into(),
                link: link.into(),
            };
            let more = vec![registration("https://auth.example.com/v1/email-verifications/y")];
            Self { registration: registration("https://auth.example.com/v1/email-verifications/x"), minutes: 30, more }
        }
        fn lifetime(&self) -> Option<TimeDelta> {
            TimeDelta::try_minutes(self.minutes)
        }
    }
}

/// "You have an account already", to the owner of an address that somebody registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountExists {
    pub link: String,
}

/// "An API key of yours was found and revoked", to its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyLeaked {
    pub name: String,
    pub tenant_name: String,
    pub revoked_at: DateTime<Utc>,
}

/// "Join the tenant", to whom a member has invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    pub tenant_name: String,
    pub inviter: String,
    pub link: String,
    pub refuse_link: String,
    /// For which the link works.
    pub days: i64,
}

/// An invoice, with every number written for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invoice {
    pub tenant_name: String,
    pub number: String,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    pub lines: Vec<InvoiceLine>,
    pub total: String,
    /// ISO 4217 code.
    pub currency: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceLine {
    pub description: String,
    pub quantity: String,
    pub amount: String,
}

/// What an operator writes by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub title: String,
    pub text: String,
}

/// "Your password was changed", to its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    pub changed_at: DateTime<Utc>,
}

/// "Your invoice is not paid", to where a tenant's invoices go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReminder {
    pub tenant_name: String,
    /// Of the invoice.
    pub number: String,
    /// What is to be paid, written for people.
    pub total: String,
    /// ISO 4217 code.
    pub currency: String,
    pub reason: ReminderReason,
    /// When the account is suspended, or was.
    pub suspended_at: DateTime<Utc>,
    /// It is suspended now.
    pub suspended: bool,
}

/// Why an invoice is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReminderReason {
    /// No payment has come.
    Overdue,
    /// The payment method was declined.
    Declined,
    /// The bank wants the customer to confirm the payment.
    ActionRequired,
}

/// "Choose a new password", to whoever has asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResetPassword {
    pub link: String,
    /// For which the link works.
    pub minutes: i64,
}

/// "Your second factors were changed", to their owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorChanged {
    pub change: FactorChange,
    pub changed_at: DateTime<Utc>,
}

/// What became of a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorChange {
    TotpAdded,
    TotpRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    RecoveryCodesMade,
    RecoveryCodeUsed,
}

/// "You were signed out for safety", to whose session it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionCompromised {
    pub ended_at: DateTime<Utc>,
}

/// "Confirm your address", for the registrations of one address: the first of them, and those that waited with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyEmail {
    #[serde(flatten)]
    pub registration: Registration,
    /// For which the links work.
    pub minutes: i64,
    pub more: Vec<Registration>,
}

/// What the mail says of one registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    pub display_name: String,
    pub tenant_name: String,
    pub link: String,
}

/// Whether the mailer takes an order to it: one address that looks like one. SES has the last word.
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    plain
        && text.len() <= 254
        && !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_reads_back_as_it_was_written() {
        for mail in AnyMail::samples() {
            let text = serde_json::to_string(&mail).unwrap();
            assert!(text.starts_with(&format!(r#"{{"template":"{}","variables":{{"#, mail.template())), "{text}");
            assert_eq!(serde_json::from_str::<AnyMail>(&text).unwrap(), mail);
        }
    }

    #[test]
    fn every_mail_that_a_tenant_causes_can_be_refused() {
        for mail in AnyMail::samples() {
            assert_eq!(mail.refuse_link().is_some(), mail.cause() == Cause::Tenant, "{mail:?}");
        }
    }

    #[test]
    fn addresses() {
        assert!(is_address("bounce@simulator.amazonses.com"));
        for wrong in ["", "a", "a@b", "a b@c.de", "a@b@c.de", "a@.de", "x@y.de\r\nBcc: z@y.de", "<a@b.de>"] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
