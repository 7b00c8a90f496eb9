//! Mails with links that had to wait: one a pause to each address ([`crate::mail_rate`]), from whichever process looks first.

use crate::{
    app::App,
    invitations::{inviting, model::Waiting, store as invitations},
    mail::{self, Invited, Link},
    mail_rate::{INVITATIONS, VERIFICATIONS},
    opaque::OpaqueToken,
    registrations::store as registrations,
};
use common::{
    db::{Background, TenantTx},
    poller::Poller,
    problem::Problem,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Short beside the shortest pause.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Addresses a look; the others have waited less, and come next time.
const BATCH: i64 = 100;

/// Sends what may go until `shutdown`.
pub async fn run(app: App, background: Background, shutdown: CancellationToken) {
    let mut poller = Poller::every(LOOK_EVERY, shutdown);
    while poller.next().await {
        let pass = send(&app, background).await;
        poller.report(pass.map(|()| false), "Mails that wait for their turn cannot be ordered yet");
    }
}

/// Orders every waiting mail whose address may get one now.
pub async fn send(app: &App, background: Background) -> Result<(), Problem> {
    let addresses = registrations::waiting_addresses(
        &mut *app.db.pool().acquire().await?,
        VERIFICATIONS.paused(app.ambient.now()),
        BATCH,
    )
    .await?;
    for address in addresses {
        verification(app, &address).await?;
    }
    let mut tx = background.begin_across_tenants(&app.db).await?;
    let waiting = invitations::waiting(&mut tx, INVITATIONS.paused(app.ambient.now()), BATCH).await?;
    drop(tx);
    for waiting in waiting {
        invitation(app, background.begin(&app.db, waiting.tenant_id).await?, &waiting).await?;
    }
    Ok(())
}

/// One mail with the links of all registrations of an address that wait, so that whoever registered themselves has theirs among them.
async fn verification(app: &App, address: &str) -> Result<(), Problem> {
    let now = app.ambient.now();
    let mut tx = app.db.begin_tenantless().await?;
    if !VERIFICATIONS.take(&mut tx, &app.ambient, address).await? {
        return Ok(());
    }
    let waiting: Vec<_> = registrations::waiting(&mut tx, address)
        .await?
        .into_iter()
        .map(|waiting| (waiting, OpaqueToken::new(&app.ambient)))
        .collect();
    let Some((first, _)) = waiting.first() else { return Ok(()) };
    for (waiting, token) in &waiting {
        registrations::mailed(&mut tx, waiting.id, token, now).await?;
    }
    let links = waiting.iter().map(|(waiting, token)| Link {
        display_name: &waiting.display_name,
        tenant_name: &waiting.tenant_name,
        token,
    });
    let links: Vec<_> = links.collect();
    let Some((link, more)) = links.split_first() else { return Ok(()) };
    messaging::publish(&mut tx, &mail::verify_email(&app.public_url, first.id, address, (link, more), now)).await?;
    Ok(tx.commit().await?)
}

async fn invitation(app: &App, mut tx: TenantTx, waiting: &Waiting) -> Result<(), Problem> {
    let token = OpaqueToken::new(&app.ambient);
    let expires_at = app.ambient.now() + inviting::LINK_LIFETIME;
    let goes = INVITATIONS.take(&mut tx, &app.ambient, &waiting.email).await?;
    if !goes || !invitations::mailed(&mut tx, waiting, &token, expires_at).await? {
        return Ok(());
    }
    let Waiting { id, tenant_name, inviter, email, mails, .. } = waiting;
    let invited = Invited { id: *id, mails: *mails, email, tenant_name, inviter, token: &token, expires_at };
    inviting::order_mail(&mut tx, app, &invited).await?;
    Ok(tx.commit().await?)
}
