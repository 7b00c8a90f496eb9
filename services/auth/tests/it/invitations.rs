//! Invitations: how a second person comes into a tenant.

use crate::support::{Account, PASSWORD, World, text, variable};
use chrono::TimeDelta;
use contracts::messages::MemberJoined;
use serde_json::{Value, json};

/// auth, with Ada, who may invite, and her token.
async fn ada() -> (World, Account, String) {
    let world = World::start().await;
    let (ada, token) = world.signed_in("ada@acme.test", "Acme", &["auth.inviteMembers", "auth.readMembers"]).await;
    (world, ada, token)
}

async fn invite(world: &World, token: &str, email: &str) -> String {
    let answer = world.server.post("/v1/invitations", &json!({"email": email})).bearer(token).await.expect(202);
    assert_eq!(text(&answer, "email"), email.trim().to_lowercase());
    world.link("invitation", text(&answer, "email")).await
}

#[tokio::test]
async fn a_stranger_joins_with_a_new_account() {
    let (world, ada, token) = ada().await;
    let link = invite(&world, &token, " Bob@acme.test").await;
    let mail = &world.mails("invitation", "bob@acme.test").await[0];
    assert_eq!((variable(mail, "tenant_name"), variable(mail, "inviter")), (json!("Acme"), json!("Ada")));
    assert!(world.server.get(&link).await.text.contains("Join Acme"));

    world.server.post(&link, &json!({})).await.invalid(&["password"]);
    world.server.post(&link, &json!({"password": "short"})).await.invalid(&["display_name", "password"]);
    let weak = json!({"display_name": "Bob", "password": "the acme of passwords"});
    world.server.post(&link, &weak).await.invalid(&["password"]);
    let answer = json!({"display_name": "Bob", "password": PASSWORD});
    world.clock.advance(TimeDelta::seconds(1));
    let post = async || world.server.post(&link, &answer).await;
    let (a, b) = tokio::join!(post(), post());
    let (won, lost) = if a.status == 201 { (a, b) } else { (b, a) };
    // The slower of the two finds either a used link or an account, by whichever it sees first.
    assert!([409, 410].contains(&lost.status), "{}", lost.text);
    let joined = won.expect(201);
    assert_eq!(joined["tenant_id"], json!(ada.tenant));
    let news = world.said::<MemberJoined>().await;
    assert_eq!((news.len(), json!(news[0].user_id), news[0].tenant_id), (1, joined["user_id"].clone(), ada.tenant));
    world.server.post(&link, &answer).await.problem(410, "link_used");

    let bob =
        world.server.post("/v1/sessions", &json!({"email": "bob@acme.test", "password": PASSWORD})).await.expect(201);
    assert_eq!(bob["tenant"]["id"], json!(ada.tenant));
    let members = world.server.get("/v1/members?limit=1").bearer(&token).await.expect(200);
    assert_eq!(members["items"][0]["email"], "ada@acme.test");
    let rest = world
        .server
        .get(&format!("/v1/members?cursor={}", text(&members, "next_cursor")))
        .bearer(&token)
        .await
        .expect(200);
    assert_eq!((&rest["items"][0]["user_id"], rest["items"].as_array().unwrap().len()), (&joined["user_id"], 1));
    world.server.get("/v1/members").bearer(text(&bob, "access_token")).await.problem(503, "unavailable");
    world
        .server
        .post("/v1/invitations", &json!({"email": "bob@acme.test"}))
        .bearer(&token)
        .await
        .problem(409, "already_a_member");
    world.server.post("/v1/invitations", &json!({"email": "bob"})).bearer(&token).await.invalid(&["email"]);
}

#[tokio::test]
async fn who_has_an_account_joins_with_its_password() {
    let (world, ada, token) = ada().await;
    let eve = world.account("eve@evil.test", "Evil").await;
    let link = invite(&world, &token, &eve.email).await;
    world.clock.advance(TimeDelta::seconds(1));
    world.server.post(&link, &json!({"password": "not her password"})).await.problem(401, "credentials_wrong");
    let joined = world.server.post(&link, &json!({"password": PASSWORD})).await.expect(201);
    assert_eq!((&joined["user_id"], &joined["tenant_id"]), (&json!(eve.user), &json!(ada.tenant)));

    let first = world.log_in(&eve).await;
    assert_eq!(first["tenant"]["id"], json!(eve.tenant), "the tenant joined first");
    let there = json!({"email": eve.email, "password": PASSWORD, "tenant_id": ada.tenant});
    let second = world.server.post("/v1/sessions", &there).await.expect(201);
    let me = world.server.get("/v1/me").bearer(text(&second, "access_token")).await.expect(200);
    assert_eq!(me["tenant"], json!({"id": ada.tenant, "name": "Acme"}));
    let names: Vec<&Value> = me["tenants"].as_array().unwrap().iter().map(|tenant| &tenant["name"]).collect();
    assert_eq!(names, ["Evil", "Acme"]);
}

#[tokio::test]
async fn a_form_is_answered_with_pages() {
    let (world, _, token) = ada().await;
    let link = invite(&world, &token, "bob@acme.test").await;
    let submit =
        async |fields: &[(&str, &str)]| world.server.post_form(&link, fields).header("accept", "text/html").await;
    let wrong = submit(&[("display_name", "Bob"), ("password", "short")]).await;
    assert_eq!((wrong.status, wrong.header("content-type")), (422, Some("text/html; charset=utf-8")));
    assert!(
        wrong.text.contains("password: must have at least 15 characters") && wrong.text.contains("<form"),
        "{}",
        wrong.text
    );
    let right = submit(&[("display_name", "Bob"), ("password", PASSWORD)]).await;
    assert_eq!(right.status, 201);
    assert!(right.text.contains("Welcome to Acme"), "{}", right.text);
    assert_eq!(submit(&[("password", PASSWORD)]).await.status, 410);
}

#[tokio::test]
async fn invitations_expire() {
    let (world, _, token) = ada().await;
    let link = invite(&world, &token, "bob@acme.test").await;
    world.clock.advance(TimeDelta::days(7));
    world.server.post(&link, &json!({"display_name": "Bob", "password": PASSWORD})).await.problem(410, "link_used");
    assert_eq!(world.server.get(&link).await.status, 410);
    world.sweep(world.clock.now() + TimeDelta::days(8)).await;
    assert_eq!(world.count("invitations").await, 0);
}
