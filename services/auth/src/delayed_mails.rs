//! Mails with links that had to wait: one a pause to each address ([`crate::mail_rate`]), from whichever process looks
//! first.

use crate::{
    app::App,
    invitations::{
        inviting,
        model::{LINK_LIFETIME, Waiting},
        store as invitations,
    },
    mail,
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

/// One mail with the links of all registrations of an address that wait, so that whoever registered themselves has
/// theirs among them.
async fn verification(app: &App, address: &str) -> Result<(), Problem> {
    let now = app.ambient.now();
    let mut tx = app.db.begin_tenantless().await?;
    if !VERIFICATIONS.take(&mut tx, &app.ambient, address).await? {
        return Ok(());
    }
    let (waiting, mut told) = (registrations::waiting(&mut tx, address).await?, Vec::new());
    for one in &waiting {
        let token = OpaqueToken::new(&app.ambient);
        registrations::mailed(&mut tx, one.id, &token, now).await?;
        told.push(mail::registration(&app.public_url, &one.display_name, &one.tenant_name, &token));
    }
    let mut told = told.into_iter();
    let (Some(first), Some(registration)) = (waiting.first(), told.next()) else { return Ok(()) };
    let mail = mail::verify_email(first.id, address, registration, told.collect(), now);
    messaging::publish(&mut tx, &mail).await?;
    Ok(tx.commit().await?)
}

async fn invitation(app: &App, mut tx: TenantTx, waiting: &Waiting) -> Result<(), Problem> {
    let token = OpaqueToken::new(&app.ambient);
    let expires_at = app.ambient.now() + LINK_LIFETIME;
    let goes = INVITATIONS.take(&mut tx, &app.ambient, &waiting.email).await?;
    if !goes || !invitations::mailed(&mut tx, waiting, &token, expires_at).await? {
        return Ok(());
    }
    inviting::order_mail(&mut tx, app, waiting, &token, expires_at).await?;
    Ok(tx.commit().await?)
}
