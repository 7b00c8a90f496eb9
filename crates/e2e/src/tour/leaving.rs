//! Step 10: what ends when a module is removed?

use super::{
    enabling::Instance,
    forum,
    guide::Guide,
    http::{list, text},
    sessions::Session,
    usage,
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use std::time::Instant;

pub async fn remove_polls(guide: &Guide, ada: &Session, instance: &Instance) -> Result<()> {
    forum::call(guide, &instance.host, Method::GET, "/v1/polls").expect(200).await?;
    let path = format!("/v1/instances/{}/modules/polls", instance.id);
    let answer = guide.delete("configurator", &path).bearer(&ada.token).expect(200).await?;
    let removed = list(&answer, "/removed_modules").iter().find(|module| module["name"] == "polls");
    let at = text(removed.with_context(|| format!("polls are not removed in {answer}"))?, "/removed_at")?;
    guide.saw(format!("removed at {at}"));

    let began = Instant::now();
    let gone = async || {
        Ok((forum::call(guide, &instance.host, Method::GET, "/v1/polls").send().await?.status == 404).then_some(()))
    };
    guide.wait("the polls to be gone", gone).await?;
    guide.saw(format!(
        "its routes are 404 on {}, {:.0} ms after the answer",
        instance.host,
        began.elapsed().as_secs_f64() * 1000.0
    ));
    forum::call(guide, &instance.host, Method::GET, "/v1/topics").expect(200).await?;
    forum::call(guide, &guide.people.grace.host, Method::GET, "/v1/polls").expect(200).await?;
    guide.saw(format!("its topics are still there, and so are the polls on {}", guide.people.grace.host));

    let closed = async || {
        let usage = usage::of(guide, ada).await?;
        Ok(usage::interval(&usage, "forum.polls")?["until"].as_str().map(|until| (until.to_owned(), usage.clone())))
    };
    let (until, usage) = guide.wait("the end of the interval of polls", closed).await?;
    ensure!(until == at, "polls were removed at {at}, and are billed until {until}");
    ensure!(usage::interval(&usage, "forum")?["until"].is_null(), "the forum itself is no longer billed: {usage}");
    guide.saw("billing: forum.polls until exactly that instant, forum still open");
    guide.delete("configurator", &path).bearer(&ada.token).send().await?.has(404)?;
    guide.saw("removing it again: 404");
    Ok(())
}
