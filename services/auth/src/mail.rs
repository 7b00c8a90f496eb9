//! What does auth write to people? Orders to the mailer, each under a key that makes it one mail.

use crate::{email::Email, name::Name, opaque::OpaqueToken};
use chrono::{DateTime, Utc};
use contracts::{id::UserId, messages::SendMail};
use serde_json::{Value, json};
use uuid::Uuid;

/// However often somebody tries to register a known address, its owner gets one mail in this many seconds.
const ONE_NOTICE_IN: i64 = 3600;

/// "Confirm your address", for one registration.
pub fn verify_email(public_url: &str, registration: Uuid, recipient: &Email, name: &Name, token: &OpaqueToken, minutes: i64) -> SendMail {
    let link = format!("{public_url}/v1/email-verifications/{}", token.expose());
    mail(format!("verify-email:{registration}"), "verify-email", recipient.as_str(), json!({"display_name": name.as_str(), "link": link, "minutes": minutes}))
}

/// "You have an account already", to the owner of an address that somebody registers.
pub fn account_exists(public_url: &str, user: UserId, recipient: &str, now: DateTime<Utc>) -> SendMail {
    let key = format!("account-exists:{user}:{}", now.timestamp().div_euclid(ONE_NOTICE_IN));
    mail(key, "account-exists", recipient, json!({"link": public_url}))
}

/// "Join the tenant".
pub fn invitation(public_url: &str, invitation: Uuid, recipient: &Email, tenant: &str, inviter: &str, token: &OpaqueToken) -> SendMail {
    let link = format!("{public_url}/v1/invitations/{}", token.expose());
    mail(format!("invitation:{invitation}"), "invitation", recipient.as_str(), json!({"tenant_name": tenant, "inviter": inviter, "link": link}))
}

fn mail(key: String, template: &str, recipient: &str, variables: Value) -> SendMail {
    let variables = variables.as_object().cloned().unwrap_or_default();
    SendMail { key, template: template.into(), recipient: recipient.into(), variables, expires_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_known_address_is_told_once_an_hour() {
        let user = UserId(Uuid::nil());
        let at = |seconds| account_exists("https://auth.test", user, "ada@acme.test", DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!(at(7200), at(10_799));
        assert_ne!(at(7200).key, at(10_800).key);
    }
}
