//! Step 13: what becomes of a message that comes too often, and of one that nobody can read?

use super::{enabling::Instance, guide::Guide, http::Call, sessions::Session, usage};
use anyhow::{Context, Result, ensure};
use chrono::{SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Value, json};

const TOPIC: &str = "usage";
const KIND: &str = "usage.recorded.v1";
const QUEUE: &str = "billing-usage";

pub async fn repeated_and_malformed(guide: &Guide, ada: &Session, instance: &Instance) -> Result<()> {
    let before = usage::posts(&usage::of(guide, ada).await?)?;
    let duplicates = duplicates(guide).await?;
    let message = recorded(ada, instance, 1, 7);
    for _ in 0..3 {
        guide.publish(TOPIC, KIND, &message).await?;
    }
    let all_taken = async || Ok((self::duplicates(guide).await? >= duplicates + 2).then_some(()));
    guide.wait("billing to count two duplicates", all_taken).await?;
    let after = usage::posts(&usage::of(guide, ada).await?)?;
    ensure!(after == before + 7.0, "7 posts, said three times, took the meter from {before} to {after}");
    guide.saw(
        "one SNS message with 7 posts, published three times: the meter went up by 7, and billing counted two \
               duplicates",
    );

    let marker = format!("not a message {}", guide.people.tag);
    guide.publish(TOPIC, KIND, &marker).await?;
    let senseless = recorded(ada, instance, 2, 1).replace("\"occurred_at\"", "\"occured_at\"");
    guide.publish(TOPIC, KIND, &senseless).await?;
    guide.publish(TOPIC, KIND, &recorded(ada, instance, 3, 5)).await?;
    for (what, body) in [("no JSON", &marker), ("without a field it needs", &senseless)] {
        let buried = async || {
            Ok(guide.peek(&format!("{QUEUE}-dead")).await?.into_iter().find(|dead| dead["Body"] == body.as_str()))
        };
        let dead = guide.wait(&format!("the message that is {what} in the dead-letter queue"), buried).await?;
        let reason = dead.pointer("/MessageAttributes/reason/StringValue").and_then(|reason| reason.as_str());
        guide.saw(format!(
            "a message that is {what}: in {QUEUE}-dead, because '{}'",
            reason.with_context(|| format!("{dead} says no reason"))?
        ));
    }
    let flowed = async || Ok((usage::posts(&usage::of(guide, ada).await?)? == after + 5.0).then_some(()));
    guide.wait("the message behind them", flowed).await?;
    let empty = async || Ok(guide.peek(QUEUE).await?.is_empty().then_some(()));
    guide.wait(&format!("an empty {QUEUE}"), empty).await?;
    guide.saw(format!("the sound one behind them took effect, and {QUEUE} is empty"));
    let all = async || outboxes(guide).await;
    let services = guide.wait("every outbox to be empty", all).await?;
    guide.saw(format!("the console shows the outboxes of {services}: nothing waits, SNS refuses nothing"));
    Ok(())
}

/// Whose outboxes the worker's console shows, once all are empty.
async fn outboxes(guide: &Guide) -> Result<Option<String>> {
    let list = guide.get("worker", "/v1/outboxes").bearer(guide.operator()).expect(200).await?;
    let outboxes = list["items"].as_array().context("no list")?;
    let is_empty = |state: &Value| state["waiting"] == 0 && state["parked"] == 0;
    let all = outboxes.iter().all(|outbox| is_empty(&outbox["state"]));
    let names: Vec<_> = outboxes.iter().filter_map(|outbox| outbox["service"].as_str()).collect();
    Ok(all.then(|| names.join(", ")))
}

/// What a forum says when `quantity` posts were written: an envelope of CloudEvents 1.0.
fn recorded(ada: &Session, instance: &Instance, number: u8, quantity: u32) -> String {
    // The instance's own id, but for its last digits: unique, and the same each time it is said.
    let id = format!("{}{number:03}", &instance.id[..instance.id.len() - 3]);
    #[expect(clippy::disallowed_methods, reason = "the tour plays an outside producer, which has its own clock")]
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "specversion": "1.0", "id": id, "source": "/services/forum", "type": KIND, "time": now, "tenant": ada.tenant_id,
        "data": {
            "instance_id": instance.id, "service": "forum", "meter": "forum.posts",
                "key": format!("{}:tour:{number}", instance.id),
            "quantity": quantity.to_string(), "occurred_at": now,
        },
    })
    .to_string()
}

/// How many messages of the queue billing has recognised as taken before, from its metrics.
async fn duplicates(guide: &Guide) -> Result<u64> {
    let url = format!("{}/metrics", guide.state.services["billing"].ops_url);
    let metrics = Call::new(&guide.http, Method::GET, &url).send().await?.has(200)?.text;
    let wanted = ["messages_consumed_total{", &format!("queue=\"{QUEUE}\""), "outcome=\"duplicate\""];
    let line = metrics.lines().find(|line| wanted.iter().all(|part| line.contains(part)));
    line.map_or(Ok(0), |line| line.rsplit(' ').next().unwrap_or_default().parse().context(line.to_owned()))
}
