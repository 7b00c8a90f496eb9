//! The mails that auth orders, each under a key that makes it one mail. A link leads nowhere after its `expires_at`.

use crate::{
    invitations::model::{self as invitations, Waiting},
    opaque::{OpaqueToken, sha256},
    registrations::model::LINK_LIFETIME,
    resets::{model as resets, store},
};
use chrono::{DateTime, Utc};
use contracts::{
    id::{ApiKeyId, ClientId, SessionId, UserId},
    mails::{
        AccountExists, ApiKeyLeaked, FactorChange, Invitation, PasswordChanged, Registration, ResetPassword,
        SecondFactorChanged, SessionCompromised, VerifyEmail,
    },
    messages::SendMail,
    public_url::PublicUrl,
};
use uuid::Uuid;

/// However often somebody tries to register a known address, its owner gets one mail in this many seconds.
const ONE_NOTICE_IN: i64 = 3600;

/// What the mail says of one registration, with the link of `token`.
pub fn registration(public_url: &str, display_name: &str, tenant_name: &str, token: &OpaqueToken) -> Registration {
    let link = format!("{public_url}/v1/email-verifications/{}", token.expose());
    Registration { display_name: display_name.into(), tenant_name: tenant_name.into(), link }
}

/// "Confirm your address", for registrations of one address: the first of them, whose `id` is the key, and those that
/// waited with it. Their links work from `now` on.
pub fn verify_email(
    id: Uuid,
    recipient: &str,
    registration: Registration,
    more: Vec<Registration>,
    now: DateTime<Utc>,
) -> SendMail {
    let mail = VerifyEmail { registration, minutes: LINK_LIFETIME.num_minutes(), more };
    let expires_at = Some(now + LINK_LIFETIME);
    SendMail { key: format!("verify-email:{id}"), recipient: recipient.into(), mail: mail.into(), expires_at }
}

/// "You have an account already", to the owner of an address that somebody registers, once an hour for each frontend.
///
/// It leads to the origin of `return_to`, or to `public_url`; to the page itself, each page that a stranger names would
/// be another mail.
pub fn account_exists(
    public_url: &str,
    return_to: Option<&PublicUrl>,
    user: UserId,
    recipient: &str,
    now: DateTime<Utc>,
) -> SendMail {
    let link = return_to.map_or_else(|| public_url.to_owned(), PublicUrl::origin);
    let hour = now.timestamp().div_euclid(ONE_NOTICE_IN);
    let key = format!("account-exists:{user}:{hour}:{}", hex::encode(&sha256(&[link.as_bytes()])[..8]));
    let mail = AccountExists { link };
    SendMail { key, recipient: recipient.into(), mail: mail.into(), expires_at: None }
}

/// "Join the tenant", by a link that ends at `expires_at`; `refusal` is what the link to refuse ends with.
pub fn invitation(
    public_url: &str,
    invited: &Waiting,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
    refusal: &str,
) -> SendMail {
    let Waiting { id, mails, email, tenant_name, inviter, .. } = invited;
    let mail = Invitation {
        tenant_name: tenant_name.clone(),
        inviter: inviter.clone(),
        link: format!("{public_url}/v1/invitations/{}", token.expose()),
        refuse_link: format!("{public_url}/v1/invitation-refusals/{refusal}"),
        days: invitations::LINK_LIFETIME.num_days(),
    };
    let (key, expires_at) = (format!("invitation:{id}:{mails}"), Some(expires_at));
    SendMail { key, recipient: email.clone(), mail: mail.into(), expires_at }
}

/// "Choose a new password".
pub fn reset_password(public_url: &str, asked: &store::Waiting, token: &OpaqueToken, now: DateTime<Utc>) -> SendMail {
    let link = format!("{public_url}/v1/password-resets/{}", token.expose());
    let mail = ResetPassword { link, minutes: resets::LINK_LIFETIME.num_minutes() };
    let expires_at = Some(now + resets::LINK_LIFETIME);
    SendMail {
        key: format!("reset-password:{}", asked.id),
        recipient: asked.email.clone(),
        mail: mail.into(),
        expires_at,
    }
}

/// "Your password was changed"; `change` is unique to it.
pub fn password_changed(change: Uuid, recipient: &str, changed_at: DateTime<Utc>) -> SendMail {
    let mail = PasswordChanged { changed_at };
    SendMail {
        key: format!("password-changed:{change}"),
        recipient: recipient.into(),
        mail: mail.into(),
        expires_at: None,
    }
}

/// "An API key of yours was found and revoked": it is revoked once, so this is one mail.
pub fn api_key_leaked(key: ApiKeyId, recipient: &str, mail: ApiKeyLeaked) -> SendMail {
    SendMail { key: format!("api-key-leaked:{key}"), recipient: recipient.into(), mail: mail.into(), expires_at: None }
}

/// "You were signed out for safety". Of one app a person gets one such mail a day, whatever the app does.
pub fn session_compromised(
    (session, user, client): (SessionId, UserId, Option<ClientId>),
    recipient: &str,
    ended_at: DateTime<Utc>,
) -> SendMail {
    let mail = SessionCompromised { ended_at };
    let what = match client {
        Some(client) => format!("{user}:{client}:{}", ended_at.date_naive()),
        None => session.to_string(),
    };
    SendMail {
        key: format!("session-compromised:{what}"),
        recipient: recipient.into(),
        mail: mail.into(),
        expires_at: None,
    }
}

/// "Your second factors were changed", or one was used that is not there any more; `id` is unique to it.
pub fn second_factor_changed(id: Uuid, recipient: &str, change: FactorChange, changed_at: DateTime<Utc>) -> SendMail {
    let mail = SecondFactorChanged { change, changed_at };
    SendMail {
        key: format!("second-factor-changed:{id}"),
        recipient: recipient.into(),
        mail: mail.into(),
        expires_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_known_address_is_told_once_an_hour() {
        let notice = |page: &str, now| {
            let return_to: PublicUrl = page.parse().unwrap();
            account_exists("https://auth.test", Some(&return_to), UserId(Uuid::nil()), "ada@acme.test", now)
        };
        let at = |seconds| notice("https://app.test/a", DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!(at(7200), at(10_799));
        assert_ne!(at(7200).key, at(10_800).key);
        assert_ne!(at(7200).key, notice("https://other.test", DateTime::from_timestamp(7200, 0).unwrap()).key);
    }
}
