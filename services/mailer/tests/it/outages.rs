//! While PostgreSQL or Redis is away requests get 503; then the service recovers by itself, and no message is lost.

use crate::support::{handed_to_ses, start_with};
use contracts::{
    mails::{Mail, Notice},
    messages::SendMail,
};
use serde_json::json;
use std::collections::HashMap;
use test_support::{Link, TestAnswer, TestServer, eventually};

async fn readiness(server: &TestServer, part: &str, state: &str) -> TestAnswer {
    eventually(&format!("{part} is {state}"), async || {
        let answer = server.ops("/readyz").await;
        (answer.json["parts"][part] == state).then_some(answer)
    })
    .await
}

async fn link(variable: &str) -> Link {
    Link::to(&std::env::var(variable).expect("set by cargo xtask test")).await
}

fn through(link: &Link, variable: &str) -> impl FnOnce(&mut HashMap<String, String>) {
    move |variables| {
        let url = link.through(&variables[variable]);
        variables.insert(variable.into(), url);
    }
}

#[tokio::test]
async fn postgresql_stops_and_starts_again() {
    let link = link("TEST_DATABASE_URL").await;
    let mailer = start_with(through(&link, "DATABASE_URL")).await;
    readiness(&mailer.server, "database", "up").await;
    link.cut();
    let unready = readiness(&mailer.server, "database", "down").await;
    assert_eq!((unready.status, &unready.json["parts"]["redis"]), (503, &json!("up")));
    let refused = mailer.server.get("/v1/messages").bearer(&mailer.operator.token).await;
    assert_eq!(refused.header("retry-after"), Some("2"));
    refused.problem(503, "unavailable");

    let order =
        SendMail { key: "k".into(), recipient: mailer.address(), mail: Notice::sample().into(), expires_at: None };
    mailer.platform.publish(None, &order).await;
    link.mend();
    mailer.with_status_after_outage(&order.recipient, "sent").await;
    assert_eq!(handed_to_ses(&order.recipient).await.len(), 1);
    readiness(&mailer.server, "database", "up").await;
}

#[tokio::test]
async fn redis_stops_and_starts_again() {
    let link = link("TEST_REDIS_URL").await;
    let mailer = start_with(through(&link, "REDIS_URL")).await;
    readiness(&mailer.server, "redis", "up").await;
    mailer.get("/v1/messages").await;
    link.cut();
    let without = readiness(&mailer.server, "redis", "down").await;
    assert_eq!(without.status, 200, "it can ask the permission service instead: {without:?}");
    mailer.server.get("/v1/messages").bearer(&mailer.operator.token).await.problem(503, "unavailable");
    link.mend();
    eventually("requests are answered again", async || {
        let answer = mailer.server.get("/v1/messages").bearer(&mailer.operator.token).await;
        (answer.status == 200).then_some(())
    })
    .await;
}
