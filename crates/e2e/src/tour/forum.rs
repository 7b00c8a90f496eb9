//! Step 7: what do people do on a forum, and who sees it?

use super::{
    enabling,
    guide::Guide,
    http::{Call, list, text},
    registration, sessions, setup,
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;

/// Enough that they cost a cent or two.
pub const POSTS: u32 = 15;

pub async fn use_it(guide: &Guide) -> Result<()> {
    let (host, grace) = (&guide.people.ada.host, &guide.people.grace);
    // Made meanwhile, and looked at in the end.
    let other = async {
        registration::sign_up(guide, grace).await?;
        let session = sessions::log_in(guide, grace).await?;
        let instance = enabling::request(guide, &session, &grace.host, &["polls"]).await?;
        setup::complete(guide, &instance, "Nothing but trains", 0).await?;
        setup::until_there(guide, &grace.host).await
    };
    let (used, other) = tokio::join!(post_and_vote(guide, host), other);
    used?;
    other.context("making the second tenant's forum")?;

    setup::page(guide, &grace.host).page(&["Nothing but trains"]).await?;
    let topics = call(guide, &grace.host, Method::GET, "/v1/topics").expect(200).await?;
    let polls = call(guide, &grace.host, Method::GET, "/v1/polls").expect(200).await?;
    ensure!(
        list(&topics, "/items").is_empty() && list(&polls, "/items").is_empty(),
        "{} sees {topics} and {polls}",
        grace.host
    );
    let credentials = json!({ "email": "mo@example.test", "password": PASSWORD });
    call(guide, &grace.host, Method::POST, "/v1/sessions").json(&credentials).send().await?.has(401)?;
    guide.saw(format!("{}, the forum of {}: no topic, no poll, and Mo is nobody there", grace.host, grace.tenant));
    Ok(())
}

const PASSWORD: &str = "three teapots and a spoon";

async fn post_and_vote(guide: &Guide, host: &str) -> Result<()> {
    let registration = json!({ "name": "Mo", "email": "mo@example.test", "password": PASSWORD });
    call(guide, host, Method::POST, "/v1/members").json(&registration).expect(201).await?;
    let session = call(guide, host, Method::POST, "/v1/sessions").json(&registration).expect(201).await?;
    let mo = text(&session, "/token")?;
    guide.saw("Mo registers on the forum and signs in: one of its members, no user of the platform");

    let topic = json!({ "title": "Which kettle?", "body": "Mine is broken." });
    call(guide, host, Method::POST, "/v1/topics").json(&topic).send().await?.has(401)?;
    let topic = call(guide, host, Method::POST, "/v1/topics").bearer(mo).json(&topic).expect(201).await?;
    let replies = format!("/v1/topics/{}/posts", text(&topic, "/id")?);
    for number in 2..=POSTS {
        let body = json!({ "body": format!("This is post {number}: take the red one.") });
        call(guide, host, Method::POST, &replies).bearer(mo).json(&body).expect(201).await?;
    }
    let read = call(guide, host, Method::GET, &format!("/v1/topics/{}", text(&topic, "/id")?)).expect(200).await?;
    ensure!(list(&read, "/posts/items").len() == POSTS as usize, "the topic has other posts than were written: {read}");
    guide.saw(format!("a topic, and {POSTS} posts in it with its opening"));

    let poll = json!({ "question": "Red or blue?", "options": ["red", "blue"] });
    let poll = call(guide, host, Method::POST, "/v1/polls").bearer(mo).json(&poll).expect(201).await?;
    let votes = format!("/v1/polls/{}/votes", text(&poll, "/id")?);
    let option = json!({ "option_id": text(&poll, "/options/0/id")? });
    call(guide, host, Method::POST, &votes).bearer(mo).json(&option).send().await?.has(201)?;
    call(guide, host, Method::POST, &votes).bearer(mo).json(&option).send().await?.has(409)?;
    let counted = call(guide, host, Method::GET, &format!("/v1/polls/{}", text(&poll, "/id")?)).expect(200).await?;
    ensure!(counted["options"][0]["votes"] == 1, "the vote was not counted: {counted}");
    guide.saw("a poll, one vote counted, a second one of the same member refused with 409");
    Ok(())
}

/// A request to the forum on `host`.
pub fn call(guide: &Guide, host: &str, method: Method, path: &str) -> Call {
    guide.call(method, "forum", path).host(host)
}
