//! Steps 1 and 2: how does somebody become a user with a tenant?

use super::{
    guide::Guide,
    http::{Call, text},
    mail,
    people::Owner,
};
use anyhow::{Result, ensure};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::fs;

const USERS: &str = "/v1/users";
const VERIFICATION: &str = "/v1/email-verifications/";

pub async fn register(guide: &Guide) -> Result<()> {
    let ada = &guide.people.ada;
    for (what, change, field) in [
        ("a weak password", json!({ "password": "tooshort" }), "password"),
        ("one out of the list of common ones", json!({ "password": "passwordpassword" }), "password"),
        (
            "one that contains the tenant's name",
            json!({ "password": format!("{} is what we are called", ada.tenant) }),
            "password",
        ),
        ("a malformed address", json!({ "email": "ada at acme" }), "email"),
    ] {
        let mut body = body_of(ada);
        body.as_object_mut().into_iter().for_each(|body| body.extend(change.as_object().cloned().unwrap_or_default()));
        guide.post("auth", USERS).json(&body).invalid(&[field]).await?;
        guide.saw(format!("{what}: 422, and errors[] names {field}"));
    }
    for field in ["email", "password", "display_name", "tenant_name"] {
        let mut body = body_of(ada);
        body.as_object_mut().and_then(|body| body.remove(field));
        guide.post("auth", USERS).json(&body).invalid(&[field]).await?;
    }
    guide.saw("each field missing in turn: 422, and errors[] names it");
    let traced = guide.post("auth", USERS).header("traceparent", &format!("00-{}-00f067aa0ba902b7-00", guide.trace_id));
    let first = traced.json(&body_of(ada)).expect(202).await?;
    guide.saw(format!("{} with tenant {}: 202 {first}", ada.email, ada.tenant));
    Ok(())
}

pub async fn verify(guide: &Guide) -> Result<()> {
    let ada = &guide.people.ada;
    let credentials = json!({ "email": ada.email, "password": ada.password });
    guide.post("auth", "/v1/sessions").json(&credentials).refused(401, "credentials_wrong").await?;
    guide.saw("login before that, with the right password: 401, as for an address that nobody knows");

    let mail = guide.mail(&ada.email, "Confirm").await?;
    let link = mail::link(&mail, VERIFICATION)?;
    ensure!(
        text(&mail, "/BodyText")?.contains(ada.name) && text(&mail, "/BodyHtml")?.contains("<html"),
        "the mail is not made from the template: {mail}"
    );
    guide.saw(format!("the mail '{}' greets {}, in text and in HTML, with a link", text(&mail, "/Subject")?, ada.name));
    traced(guide, &ada.email).await?;

    let page = Call::new(&guide.http, Method::GET, &link).browser().page(&["<form", "password", &ada.tenant]).await?;
    ensure!(page.header("referrer-policy") == Some("no-referrer"), "the page would give its link away to other sites");
    Call::new(&guide.http, Method::GET, &link).send().await?.has(200)?;
    guide
        .saw("opening it, even twice as mail scanners do, names the tenant, asks for the password and uses nothing up");

    let confirm = |password: &str| Call::new(&guide.http, Method::POST, &link).json(&json!({ "password": password }));
    confirm("somebody else's password").refused(401, "credentials_wrong").await?;
    guide.saw("whoever reads the mail but does not know the password gets nothing: 401 credentials_wrong");
    let made = confirm(ada.password).expect(200).await?;
    ensure!(made["email"] == ada.email.as_str(), "{made} is not Ada");
    guide.saw(format!(
        "the right one makes user {} and tenant {}",
        text(&made, "/user_id")?,
        text(&made, "/tenant_id")?
    ));
    confirm(ada.password).refused(410, "link_used").await?;
    let again = confirm(ada.password).browser().send().await?.has(410)?;
    ensure!(
        again.header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")),
        "{again} is no page for a browser"
    );
    guide.saw("a second time: 410 link_used");
    known_address(guide, ada).await
}

/// Whether an address has an account is told to its owner only.
async fn known_address(guide: &Guide, ada: &Owner) -> Result<()> {
    let known = guide.post("auth", USERS).json(&body_of(ada)).send().await?;
    let nobody = Owner {
        email: format!("nobody@acme-{}.test", guide.people.tag),
        tenant: ada.tenant.clone(),
        host: String::new(),
        ..*ada
    };
    let unknown = guide.post("auth", USERS).json(&body_of(&nobody)).send().await?;
    ensure!((known.status, &known.text) == (unknown.status, &unknown.text), "{known}, but {unknown}");
    let mail = guide.mail(&ada.email, "already have an account").await?;
    guide.saw(format!(
        "registering {} again: {} {} as for a new address; the mail says '{}'",
        ada.email,
        known.status,
        known.text,
        text(&mail, "/Subject")?
    ));
    Ok(())
}

/// The trace that Ada's frontend began goes on in the log of each service that had a part in her mail, and in its
/// ledger.
async fn traced(guide: &Guide, email: &str) -> Result<()> {
    let sent = guide.get("mailer", "/v1/messages").query(&[("recipient", email)]).bearer(guide.operator());
    let sent = sent.expect(200).await?;
    ensure!(sent["items"][0]["trace_id"] == guide.trace_id.as_str(), "the ledger does not know the trace: {sent}");
    for (service, what) in [("auth", "A request was answered"), ("mailer", "A mail was handled")] {
        let log = fs::read_to_string(&guide.state.services[service].log)?;
        let told = log.lines().any(|line| line.contains(what) && line.contains(&guide.trace_id));
        ensure!(told, "no line '{what}' of {service} is in the trace {}", guide.trace_id);
    }
    guide.saw(format!("her browser's trace {} is in the logs of auth and mailer, and at the mail", guide.trace_id));
    Ok(())
}

/// Registers and verifies in one go, for those whose story this is not.
pub async fn sign_up(guide: &Guide, owner: &Owner) -> Result<()> {
    guide.post("auth", USERS).json(&body_of(owner)).expect(202).await?;
    let link = mail::link(&guide.mail(&owner.email, "Confirm").await?, VERIFICATION)?;
    Call::new(&guide.http, Method::POST, &link).json(&json!({ "password": owner.password })).expect(200).await.map(drop)
}

/// Accepts the invitation that was mailed there; gives its link, which is used up.
pub async fn accept_invitation(guide: &Guide, email: &str, password: &str) -> Result<String> {
    let link = mail::link(&guide.mail(email, "invites you").await?, "/v1/invitations/")?;
    Call::new(&guide.http, Method::GET, &link).browser().page(&["<form", "password"]).await?;
    let acceptance = json!({ "display_name": "Bob", "password": password });
    Call::new(&guide.http, Method::POST, &link).json(&acceptance).expect(201).await?;
    Ok(link)
}

fn body_of(owner: &Owner) -> Value {
    json!({ "email": owner.email, "password": owner.password, "display_name": owner.name, "tenant_name": owner.tenant })
}
