//! Step 15, its end: where does a token get somebody in? Where it is for, and nowhere else (RFC 8707).

use super::{
    forum,
    guide::Guide,
    http::{Call, text},
    sessions::{self, EVERYWHERE, Session},
};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

/// A post of no forum.
const NO_POST: &str = "/v1/posts/00000000-0000-4000-8000-000000000000";

/// Grace has a forum and an archive.
pub async fn kept_apart(guide: &Guide) -> Result<()> {
    let grace = sessions::log_in(guide, &guide.people.grace).await?;
    let for_forum = sessions::for_product(guide, &grace.token, "forum").await?;
    let for_pdf = sessions::for_product(guide, &grace.token, "pdf").await?;

    moderate(guide, &for_forum).refused(404, "post_not_found").await?;
    read(guide, &for_pdf).expect(200).await?;
    guide.saw("Grace exchanges her token for one of the forum and one of pdf, and each works there");

    for token in [&for_forum, &for_pdf] {
        for (service, path) in EVERYWHERE {
            guide.get(service, path).bearer(token).refused(401, "token_invalid").await?;
        }
    }
    guide.saw(format!("at the platform, both are 401 token_invalid at all {}", EVERYWHERE.len()));
    let Session { token: own, .. } = &grace;
    for token in [own, &for_pdf] {
        moderate(guide, token).refused(401, "token_invalid").await?;
    }
    for token in [own, &for_forum] {
        read(guide, token).refused(401, "token_invalid").await?;
    }
    guide.saw("her own token, and the other product's: 401 token_invalid at the forum and at pdf");

    act_for(guide, own, &for_forum).await?;

    guide.delete("auth", "/v1/sessions/current").bearer(own).expect(204).await?;
    moderate(guide, &for_forum).refused(401, "session_ended").await?;
    read(guide, &for_pdf).refused(401, "session_ended").await?;
    guide.saw("she logs out: 401 session_ended at both");
    Ok(())
}

/// The forum asks for the platform's token on Grace's behalf (RFC 8693): it does what both may do.
async fn act_for(guide: &Guide, own: &str, for_forum: &str) -> Result<()> {
    let secret = guide.state.product_secrets.get("forum").context("the stack has no secret of the forum")?;
    let invoices = |token: &str| guide.get("billing", "/v1/invoices").bearer(token);
    let before = sessions::for_platform(guide, for_forum, ("forum", secret)).await?;
    invoices(&before).refused(403, "permission_missing").await?;
    let grant = json!({"principal": "client:forum", "permission": "billing.readInvoices"});
    let grant = guide.post("permission", "/v1/grants").bearer(own).json(&grant).expect(201).await?;
    let acting = sessions::for_platform(guide, for_forum, ("forum", secret)).await?;
    invoices(&acting).expect(200).await?;
    guide.get("billing", "/v1/usage").bearer(&acting).refused(403, "permission_missing").await?;
    let grant = format!("/v1/grants/{}", text(&grant, "/id")?);
    guide.delete("permission", &grant).bearer(own).expect(204).await?;
    invoices(&acting).refused(403, "permission_missing").await?;
    guide.saw(
        "the forum acts for her at billing with what both may do: her invoices, once she grants it that, and no more",
    );
    Ok(())
}

fn moderate(guide: &Guide, token: &str) -> Call {
    forum::call(guide, &guide.people.grace.host, Method::DELETE, NO_POST).bearer(token)
}

fn read(guide: &Guide, token: &str) -> Call {
    let host = guide.people.grace.host.replace(".forum.", ".pdf.");
    guide.get("pdf", "/v1/files").host(&host).bearer(token)
}
