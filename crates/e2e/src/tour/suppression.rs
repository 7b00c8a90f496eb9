//! Step 12: does the invoice arrive, and who gets no more mail?

use super::{
    guide::Guide,
    http::{Call, list, text},
    sessions::Session,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub async fn mails(guide: &Guide, ada: &Session, invoice: &Value) -> Result<()> {
    let number = text(invoice, "/number")?;
    let mail = guide.mail(&guide.people.ada.email, number).await?;
    ensure!(
        text(&mail, "/BodyText")?.contains(&guide.people.ada.tenant) && text(&mail, "/BodyText")?.contains(number),
        "the invoice's mail is wrong: {mail}"
    );
    let invoices = guide
        .mails_to(&guide.people.ada.email)
        .await?
        .into_iter()
        .filter(|mail| mail["Subject"].as_str().is_some_and(|subject| subject.contains(number)));
    ensure!(invoices.count() == 1, "the invoice was mailed more than once");
    guide.saw(format!("'{}' to {}, once", text(&mail, "/Subject")?, guide.people.ada.email));

    let (bouncing, complaining) = (&guide.people.bouncing, &guide.people.complaining);
    let (bounce, complaint) =
        (suppressed(guide, bouncing, "bounced", "bounce"), suppressed(guide, complaining, "complained", "complaint"));
    tokio::try_join!(bounce, complaint, suppressed_for_her(guide, ada))?;
    Ok(())
}

/// The first mail to the address comes to a bad end, and there is no second one.
async fn suppressed(guide: &Guide, address: &str, end: &str, reason: &str) -> Result<()> {
    let id = send(guide, address, "first").await?;
    wait_until(guide, &id, end).await?;
    let suppression = suppression(guide, address).await?.context("the address is not suppressed")?;
    let of_this_mail = suppression["message_id"] == id.as_str()
        && suppression["template"] == "notice"
        && suppression["tenant_id"].is_string();
    ensure!(suppression["reason"] == reason && of_this_mail, "{suppression} is for another reason");
    let before = guide.mails_to(address).await?.len();
    let id = send(guide, address, "second").await?;
    wait_until(guide, &id, "suppressed").await?;
    let after = guide.mails_to(address).await?.len();
    ensure!(
        (before, after) == (1, 1),
        "SES was called {before} times before and {after} times after the suppression of {address}"
    );
    guide.saw(format!(
        "a mail to {address}: {end}, by SES event; the address is suppressed for that tenant's mail of \
                       that kind; the next one: suppressed, and SES was not called"
    ));
    Ok(())
}

/// What bounces of a tenant's mail is that tenant's affair.
async fn suppressed_for_her(guide: &Guide, ada: &Session) -> Result<()> {
    let address = &guide.people.unreachable;
    guide.post("auth", "/v1/invitations").bearer(&ada.token).json(&json!({ "email": address })).expect(202).await?;
    let listed = async || suppression(guide, address).await;
    let suppression = guide.wait(&format!("{address} to be suppressed"), listed).await?;
    ensure!(
        suppression["tenant_id"] == ada.tenant_id.as_str() && suppression["template"] == "invitation",
        "{suppression} is somebody else's"
    );
    guide.saw(format!("Ada's invitation to {address} bounces: the address gets no more invitations of her tenant"));
    Ok(())
}

async fn suppression(guide: &Guide, address: &str) -> Result<Option<Value>> {
    let listed = guide.get("mailer", "/v1/suppressions").query(&[("address", address)]);
    let listed = listed.bearer(guide.operator()).expect(200).await?;
    Ok(list(&listed, "/items").iter().find(|suppression| suppression["address"] == address).cloned())
}

async fn send(guide: &Guide, recipient: &str, which: &str) -> Result<String> {
    let body = json!({
        "key": format!("tour-{}:{recipient}:{which}", guide.people.tag), "template": "notice", "recipient": recipient,
        "variables": { "title": "A notice", "text": format!("The {which} one.") },
    });
    let call = |body: &Value| -> Call { guide.post("mailer", "/v1/messages").bearer(guide.operator()).json(body) };
    let message = call(&body).expect(202).await?;
    ensure!(call(&body).expect(202).await?["id"] == message["id"], "the same key made a second mail");
    Ok(text(&message, "/id")?.to_owned())
}

async fn wait_until(guide: &Guide, id: &str, status: &str) -> Result<()> {
    let reached = async || {
        let message = guide.get("mailer", &format!("/v1/messages/{id}")).bearer(guide.operator()).expect(200).await?;
        anyhow::ensure!(message["status"] == status, "{message}");
        Ok(Some(()))
    };
    guide.wait(&format!("mail {id} to be {status}"), reached).await
}
