//! May this address be invited now, and when does the mail go? One invitation of a tenant to an address is open at a time.

use super::{
    limits::{self, MOST_OPEN},
    model::{NewInvitation, OpenInvitation, Senders},
    refusal_store, store,
};
use crate::{
    app::App,
    email::Email,
    mail::{self, Invited},
    mail_rate,
    opaque::OpaqueToken,
};
use chrono::TimeDelta;
use common::{
    db::TenantTx,
    problem::{Problem, Quota},
};
use contracts::id::UserId;

/// People read mail after a holiday, too.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::days(7);
/// Inviting somebody again within this time changes nothing; later it is a reminder.
const REMIND_AFTER: TimeDelta = TimeDelta::days(1);
/// Who has not answered these does not want to.
const MOST_MAILS: i16 = 3;

/// The invitation that is open now, and what is left of the tenant's limits if a mail was counted.
pub async fn invite(
    app: &App,
    mut tx: TenantTx,
    inviter: UserId,
    email: &Email,
) -> Result<(OpenInvitation, Option<Quota>), Problem> {
    let now = app.ambient.now();
    let tenant_name = store::lock_tenant(&mut tx).await?.ok_or_else(not_a_member)?;
    let inviter_name = store::member_name(&mut tx, inviter).await?.ok_or_else(not_a_member)?;
    // Whoever refuses at the same time is either seen here, or ends this invitation as well.
    mail_rate::store::lock(&mut tx, email.as_str()).await?;
    if store::is_member(&mut tx, email).await? {
        return Err(Problem::conflict("already_a_member", "This person belongs to the tenant already."));
    }
    if refusal_store::refused(&mut tx, email.as_str()).await? != Senders::Nobody {
        return Err(Problem::conflict("invitations_refused", "This address wants no invitations."));
    }
    let earlier = store::find_of(&mut tx, email, now).await?;
    let earlier = match earlier {
        Some(earlier) if earlier.asked_at + REMIND_AFTER > now || earlier.mails >= MOST_MAILS => {
            return Ok((earlier, None));
        }
        other => other,
    };
    if earlier.is_none() && store::count_open(&mut tx, now).await? >= MOST_OPEN {
        return Err(Problem::conflict(
            "too_many_open_invitations",
            format!("{MOST_OPEN} invitations are open; withdraw those that nobody needs."),
        ));
    }
    let left = limits::take(&mut tx, email.as_str(), now).await?;
    let mail_waits = !mail_rate::INVITATIONS.take(&mut tx, &app.ambient, email.as_str()).await?;
    let id = earlier.as_ref().map_or_else(|| app.ambient.uuid(), |earlier| earlier.id);
    let token = OpaqueToken::new(&app.ambient);
    let new = NewInvitation {
        id,
        email,
        invited_by: inviter,
        token: &token,
        mail_waits,
        now,
        expires_at: now + LINK_LIFETIME,
    };
    let open = keep(&mut tx, &new, earlier, inviter_name).await?;
    if !mail_waits {
        let OpenInvitation { id, mails, email, inviter, expires_at, .. } = &open;
        let invited = Invited {
            id: *id,
            mails: *mails,
            email,
            tenant_name: &tenant_name,
            inviter,
            token: &token,
            expires_at: *expires_at,
        };
        order_mail(&mut tx, app, &invited).await?;
    }
    tx.commit().await?;
    Ok((open, Some(left)))
}

async fn keep(
    tx: &mut TenantTx,
    new: &NewInvitation<'_>,
    earlier: Option<OpenInvitation>,
    inviter: String,
) -> sqlx::Result<OpenInvitation> {
    let (asked_at, expires_at, mail_waits) = (new.now, new.expires_at, new.mail_waits);
    let Some(earlier) = earlier else {
        store::insert(tx, new).await?;
        let (id, email, invited_by) = (new.id, new.email.as_str().to_owned(), new.invited_by);
        return Ok(OpenInvitation {
            id,
            email,
            invited_by,
            inviter,
            created_at: asked_at,
            asked_at,
            mail_waits,
            expires_at,
            mails: 1,
        });
    };
    store::ask_again(tx, new).await?;
    Ok(OpenInvitation { asked_at, expires_at, mail_waits, mails: earlier.mails + 1, ..earlier })
}

/// Orders the mail of an invitation.
pub async fn order_mail(tx: &mut TenantTx, app: &App, invited: &Invited<'_>) -> Result<(), Problem> {
    let refusal = app.refusal_links.make(&app.ambient, tx.tenant(), invited.email);
    let mail = mail::invitation(&app.public_url, invited, &refusal, LINK_LIFETIME.num_days());
    messaging::publish(tx, &mail).await?;
    Ok(())
}

fn not_a_member() -> Problem {
    Problem::forbidden("not_a_member", "You do not belong to this tenant any more.")
}
