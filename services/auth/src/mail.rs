//! The mails that auth orders, each under a key that makes it one mail. A link leads nowhere after its `expires_at`.

use crate::{opaque::OpaqueToken, registrations::model::LINK_LIFETIME};
use chrono::{DateTime, Utc};
use contracts::{
    id::UserId,
    mails::{AccountExists, Invitation, Registration, VerifyEmail},
    messages::SendMail,
};
use uuid::Uuid;

/// However often somebody tries to register a known address, its owner gets one mail in this many seconds.
const ONE_NOTICE_IN: i64 = 3600;

/// What one registration's mail says of it.
pub struct Link<'a> {
    pub display_name: &'a str,
    pub tenant_name: &'a str,
    pub token: &'a OpaqueToken,
}

/// "Confirm your address", for registrations of one address: the first of them, whose `id` is the key, and those that waited
/// with it. Their links work from `now` on.
pub fn verify_email(
    public_url: &str,
    id: Uuid,
    recipient: &str,
    (first, more): (&Link<'_>, &[Link<'_>]),
    now: DateTime<Utc>,
) -> SendMail {
    let link = |token: &OpaqueToken| format!("{public_url}/v1/email-verifications/{}", token.expose());
    let registration = |of: &Link<'_>| Registration {
        display_name: of.display_name.into(),
        tenant_name: of.tenant_name.into(),
        link: link(of.token),
    };
    let mail = VerifyEmail {
        registration: registration(first),
        minutes: LINK_LIFETIME.num_minutes(),
        more: more.iter().map(registration).collect(),
    };
    let expires_at = Some(now + LINK_LIFETIME);
    SendMail { key: format!("verify-email:{id}"), recipient: recipient.into(), mail: mail.into(), expires_at }
}

/// "You have an account already", to the owner of an address that somebody registers.
pub fn account_exists(public_url: &str, user: UserId, recipient: &str, now: DateTime<Utc>) -> SendMail {
    let key = format!("account-exists:{user}:{}", now.timestamp().div_euclid(ONE_NOTICE_IN));
    let mail = AccountExists { link: public_url.into() };
    SendMail { key, recipient: recipient.into(), mail: mail.into(), expires_at: None }
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
    let mail = Invitation {
        tenant_name: (*tenant_name).into(),
        inviter: (*inviter).into(),
        link: format!("{public_url}/v1/invitations/{}", token.expose()),
        refuse_link: format!("{public_url}/v1/invitation-refusals/{refusal}"),
        days,
    };
    SendMail {
        key: format!("invitation:{id}:{mails}"),
        recipient: (*email).into(),
        mail: mail.into(),
        expires_at: Some(*expires_at),
    }
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
