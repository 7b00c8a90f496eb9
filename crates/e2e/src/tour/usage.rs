//! Step 8: what does billing know of a tenant's usage?

use super::{
    enabling::Instance,
    forum::POSTS,
    guide::Guide,
    http::{list, number, text},
    sessions::Session,
    setup,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub async fn metered(guide: &Guide, ada: &Session, instance: &Instance) -> Result<()> {
    let counted = async || {
        let usage = of(guide, ada).await?;
        Ok((posts(&usage)? >= f64::from(POSTS) && list(&usage, "/features").len() == 2).then_some(usage))
    };
    let usage = guide.wait(&format!("{POSTS} posts in Ada's usage"), counted).await?;
    for feature in ["forum", "forum.polls"] {
        let interval = interval(&usage, feature)?;
        ensure!(
            interval["until"].is_null()
                && interval["instance_id"] == instance.id.as_str()
                && interval["host"] == instance.host.as_str(),
            "{interval}"
        );
        guide.saw(format!("{feature} on {} since {}, open", instance.host, text(interval, "/since")?));
    }
    ensure!(posts(&usage)? == f64::from(POSTS), "the forum has {POSTS} posts, and billing {usage}");
    guide.saw(format!("forum.posts: {POSTS}, those of people; the {} samples are not usage", setup::SAMPLE_POSTS));
    Ok(())
}

pub async fn of(guide: &Guide, tenant: &Session) -> Result<Value> {
    guide.get("billing", "/v1/usage").bearer(&tenant.token).expect(200).await
}

/// The posts that no invoice has billed yet.
pub fn posts(usage: &Value) -> Result<f64> {
    list(usage, "/meters")
        .iter()
        .filter(|meter| meter["meter"] == "forum.posts")
        .map(|meter| number(meter, "/quantity"))
        .sum()
}

pub fn interval<'a>(usage: &'a Value, feature: &str) -> Result<&'a Value> {
    list(usage, "/features")
        .iter()
        .find(|interval| interval["feature"] == feature)
        .with_context(|| format!("{feature} is not in {usage}"))
}
