//! What does auth write to people? Orders to the mailer, each under a key that makes it one mail.

use crate::{opaque::OpaqueToken, registrations::model::LINK_LIFETIME};
use chrono::{DateTime, Utc};
use contracts::{id::UserId, messages::SendMail};
use serde_json::{Value, json};
use uuid::Uuid;

/// However often somebody tries to register a known address, its owner gets one mail in this many seconds.
const ONE_NOTICE_IN: i64 = 3600;

/// What one registration's mail says of it.
pub struct Link<'a> {
    pub display_name: &'a str,
    pub tenant_name: &'a str,
    pub token: &'a OpaqueToken,
}

/// "Confirm your address", for registrations of one address: the first of them, and those that waited with it. Their links work from `now` on.
pub fn verify_email(
    public_url: &str,
    first: Uuid,
    recipient: &str,
    links: &[Link<'_>],
    now: DateTime<Utc>,
) -> SendMail {
    let each = links.iter().map(|Link { display_name, tenant_name, token }| {
        let link = format!("{public_url}/v1/email-verifications/{}", token.expose());
        json!({"display_name": display_name, "tenant_name": tenant_name, "link": link})
    });
    let mut each = each.collect::<Vec<_>>().into_iter();
    let mut variables = each.next().unwrap_or_default();
    variables["minutes"] = LINK_LIFETIME.num_minutes().into();
    variables["more"] = each.collect();
    mail(format!("verify-email:{first}"), "verify-email", recipient, variables, Some(now + LINK_LIFETIME))
}

/// "You have an account already", to the owner of an address that somebody registers.
pub fn account_exists(public_url: &str, user: UserId, recipient: &str, now: DateTime<Utc>) -> SendMail {
    let key = format!("account-exists:{user}:{}", now.timestamp().div_euclid(ONE_NOTICE_IN));
    mail(key, "account-exists", recipient, json!({"link": public_url}), None)
}

/// What an invitation's mail says of it.
pub struct Invited<'a> {
    pub id: Uuid,
    /// How many mails of it there were, this one included.
    pub mails: i16,
    pub email: &'a str,
    pub tenant_name: &'a str,
    pub inviter: &'a str,
    pub token: &'a OpaqueToken,
    /// When the link ends.
    pub expires_at: DateTime<Utc>,
}

/// "Join the tenant"; `refusal` is what the link to refuse ends with.
pub fn invitation(public_url: &str, invited: &Invited<'_>, refusal: &str, days: i64) -> SendMail {
    let Invited { id, mails, email, tenant_name, inviter, token, expires_at } = invited;
    let (link, refuse_link) = (
        format!("{public_url}/v1/invitations/{}", token.expose()),
        format!("{public_url}/v1/invitation-refusals/{refusal}"),
    );
    let variables =
        json!({"tenant_name": tenant_name, "inviter": inviter, "link": link, "refuse_link": refuse_link, "days": days});
    mail(format!("invitation:{id}:{mails}"), "invitation", email, variables, Some(*expires_at))
}

/// A mail that is not to go after `expires_at`, as its link leads nowhere then.
fn mail(key: String, template: &str, recipient: &str, variables: Value, expires_at: Option<DateTime<Utc>>) -> SendMail {
    let variables = variables.as_object().cloned().unwrap_or_default();
    SendMail { key, template: template.into(), recipient: recipient.into(), variables, expires_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_known_address_is_told_once_an_hour() {
        let user = UserId(Uuid::nil());
        let at = |seconds| {
            account_exists("https://auth.test", user, "ada@acme.test", DateTime::from_timestamp(seconds, 0).unwrap())
        };
        assert_eq!(at(7200), at(10_799));
        assert_ne!(at(7200).key, at(10_800).key);
    }
}
