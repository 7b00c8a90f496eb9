//! Step 15, its end: where does a token get somebody in? Where it is for, and nowhere else (RFC 8707).

use super::{
    forum,
    guide::Guide,
    http::Call,
    sessions::{self, EVERYWHERE, Session},
};
use anyhow::Result;
use reqwest::Method;

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

    guide.delete("auth", "/v1/sessions/current").bearer(own).expect(204).await?;
    moderate(guide, &for_forum).refused(401, "session_ended").await?;
    read(guide, &for_pdf).refused(401, "session_ended").await?;
    guide.saw("she logs out: 401 session_ended at both");
    Ok(())
}

fn moderate(guide: &Guide, token: &str) -> Call {
    forum::call(guide, &guide.people.grace.host, Method::DELETE, NO_POST).bearer(token)
}

fn read(guide: &Guide, token: &str) -> Call {
    let host = guide.people.grace.host.replace(".forum.", ".pdf.");
    guide.get("pdf", "/v1/files").host(&host).bearer(token)
}
