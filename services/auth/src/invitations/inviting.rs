//! Inviting an address: may it be invited now, and when does the mail go? One invitation of a tenant to an address is
//! open at a time.

use super::{
    entries,
    limits::{self, MOST_OPEN},
    model::{LINK_LIFETIME, OpenInvitation, Senders, Waiting},
    refusal_store, store,
};
use crate::{app::App, email::Email, mail, mail_rate, opaque::OpaqueToken};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    db::TenantTx,
    problem::{Problem, Quota},
};
use contracts::{id::UserId, public_url::PublicUrl};

/// Inviting somebody again within this time changes nothing; later it is a reminder.
const REMIND_AFTER: TimeDelta = TimeDelta::days(1);
/// Who has not answered these does not want to.
const MOST_MAILS: i16 = 3;

/// The invitation that is open now, and what is left of the tenant's limits if a mail was counted.
pub async fn invite(
    app: &App,
    tx: &mut TenantTx,
    inviter: UserId,
    email: &Email,
    return_to: Option<PublicUrl>,
) -> Result<(OpenInvitation, Option<Quota>), Problem> {
    let now = app.ambient.now();
    let tenant_name = store::lock_tenant(tx).await?.ok_or_else(not_a_member)?;
    let inviter_name = store::member_name(tx, inviter).await?.ok_or_else(not_a_member)?;
    // Whoever refuses at the same time is either seen here, or ends this invitation as well.
    mail_rate::store::lock(tx, email.as_str()).await?;
    if store::is_member(tx, email).await? {
        return Err(Problem::conflict("already_a_member", "This person belongs to the tenant already."));
    }
    if refusal_store::refused(tx, email.as_str()).await? != Senders::Nobody {
        return Err(Problem::conflict("invitations_refused", "This address wants no invitations."));
    }
    let mut earlier = store::find_of(tx, email, now).await?;
    let is_enough = |open: &mut OpenInvitation| open.asked_at + REMIND_AFTER > now || open.mails >= MOST_MAILS;
    if let Some(earlier) = earlier.take_if(is_enough) {
        return Ok((earlier, None));
    }
    if earlier.is_none() && store::count_open(tx, now).await? >= MOST_OPEN {
        return Err(Problem::conflict(
            "too_many_open_invitations",
            format!("{MOST_OPEN} invitations are open; withdraw those that nobody needs."),
        ));
    }
    let left = limits::take(tx, email.as_str(), now).await?;
    let mail_waits = !mail_rate::INVITATIONS.take(tx, &app.ambient, email.as_str()).await?;
    let (asked_at, expires_at, token) = (now, now + LINK_LIFETIME, OpaqueToken::new(&app.ambient));
    let return_to = return_to.map(|url| url.as_str().to_owned());
    let open = if let Some(earlier) = earlier {
        let return_to = return_to.or(earlier.return_to);
        let open = OpenInvitation { asked_at, expires_at, mail_waits, mails: earlier.mails + 1, return_to, ..earlier };
        store::ask_again(tx, &open, &token).await?;
        audit::note(tx, entries::sent_again(&open, email));
        open
    } else {
        let (inviter, created_at, invited_by) = (inviter_name, now, inviter);
        let open = OpenInvitation {
            id: app.ambient.uuid(),
            email: email.as_str().to_owned(),
            invited_by,
            inviter,
            created_at,
            asked_at,
            mail_waits,
            expires_at,
            mails: 1,
            return_to,
        };
        store::insert(tx, &open, &token).await?;
        audit::note(tx, entries::created(&open, email));
        open
    };
    if !mail_waits {
        let (tenant_id, inviter, email) = (tx.tenant(), open.inviter.clone(), open.email.clone());
        let mail = Waiting { id: open.id, tenant_id, tenant_name, inviter, email, mails: open.mails };
        order_mail(tx, app, &mail, &token, expires_at).await?;
    }
    Ok((open, Some(left)))
}

/// Orders the mail of an invitation.
pub async fn order_mail(
    tx: &mut TenantTx,
    app: &App,
    invited: &Waiting,
    token: &OpaqueToken,
    expires_at: DateTime<Utc>,
) -> Result<(), Problem> {
    let refusal = app.refusal_links.make(&app.ambient, tx.tenant(), &invited.email);
    let mail = mail::invitation(&app.public_url, invited, token, expires_at, &refusal);
    messaging::publish(tx, &mail).await?;
    Ok(())
}

fn not_a_member() -> Problem {
    Problem::forbidden("not_a_member", "You do not belong to this tenant any more.")
}
