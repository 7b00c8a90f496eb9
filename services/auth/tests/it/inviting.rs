//! Limits and refusals of invitations: nobody can be flooded by them.

use crate::support::{Account, PASSWORD, World, answered, path_in, text, variable};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::TestAnswer;

const BOB: &str = "bob@elsewhere.test";

/// The owner of a tenant, who may invite, with a token.
async fn owner(world: &World, email: &str, tenant: &str) -> (Account, String) {
    let (owner, token) = world.signed_in(email, tenant, &["auth.inviteMembers"]).await;
    (owner, token)
}

/// auth, and the token of an owner who may invite.
async fn start() -> (World, String) {
    let world = World::start().await;
    let (_, token) = owner(&world, "ada@acme.test", "Acme").await;
    (world, token)
}

async fn invite(world: &World, token: &str, email: &str) -> TestAnswer {
    world.server.post("/v1/invitations", &json!({"email": email})).bearer(token).await
}

async fn open(world: &World, token: &str) -> Vec<Value> {
    world.server.get("/v1/invitations").bearer(token).await.expect(200)["items"].as_array().unwrap().clone()
}

/// The path of the link to refuse in the last invitation's mail.
async fn refusal(world: &World) -> String {
    let mails = world.mails("invitation", BOB).await;
    path_in(mails.last().unwrap(), "refuse_link")
}

#[tokio::test]
async fn one_tenant_cannot_flood_a_stranger() {
    let (world, token) = start().await;
    let first = invite(&world, &token, BOB).await.expect(202);
    for _ in 0..99 {
        assert_eq!(invite(&world, &token, BOB).await.expect(202), first, "the same invitation");
    }
    assert_eq!((world.mails("invitation", BOB).await.len(), world.count("invitations").await), (1, 1));
    // Withdrawing does not make room for the next mail.
    for mails in 2..=4 {
        let id = open(&world, &token).await[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(world.server.delete(&format!("/v1/invitations/{id}")).bearer(&token).await.status, 204);
        let answer = invite(&world, &token, BOB).await;
        assert_eq!(answer.status, if mails <= 3 { 202 } else { 429 }, "{}", answer.text);
    }
    assert_eq!(world.mails("invitation", BOB).await.len(), 3);
}

#[tokio::test]
async fn a_reminder_comes_after_a_day_and_not_for_ever() {
    let (world, token) = start().await;
    let mut links = Vec::new();
    for day in 0..5 {
        let expected = 1 + day.min(2);
        for _ in 0..2 {
            invite(&world, &token, BOB).await.expect(202);
            assert_eq!(world.mails("invitation", BOB).await.len(), expected, "day {day}");
        }
        links.push(world.link("invitation", BOB).await);
        world.clock.advance(TimeDelta::days(1));
    }
    assert_eq!(world.count("invitations").await, 1);
    let answer = json!({"display_name": "Bob", "password": PASSWORD});
    world.server.post(&links[0], &answer).await.problem(410, "link_used");
    world.server.post(&links[4], &answer).await.expect(201);
}

#[tokio::test]
async fn a_tenant_sends_only_so_many_an_hour_however_fast_it_asks() {
    let (world, token) = start().await;
    let url = format!("{}/v1/invitations", world.server.url);
    let tasks: Vec<_> = (0..26)
        .map(|number| {
            let request = reqwest::Client::new()
                .post(&url)
                .bearer_auth(&token)
                .json(&json!({"email": format!("p{number}@elsewhere.test")}));
            tokio::spawn(async move { answered(&request).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses.iter().filter(|status| **status == 202).count(), statuses[25]), (20, 429), "{statuses:?}");
    let refused = invite(&world, &token, BOB).await;
    assert_eq!(
        (refused.header("ratelimit-limit"), refused.header("retry-after")),
        (Some("20, 20;w=3600"), Some("3601"))
    );
    refused.problem(429, "too_many_invitations");
    world.clock.advance(TimeDelta::minutes(61));
    let answer = invite(&world, &token, BOB).await;
    assert_eq!((answer.status, answer.header("ratelimit-remaining")), (202, Some("19")), "{}", answer.text);
}

#[tokio::test]
async fn many_tenants_together_cannot_flood_a_stranger_nor_keep_one_from_inviting() {
    let (world, acme) = start().await;
    world.clock.advance(TimeDelta::seconds(1));
    for number in 0..7 {
        let (_, evil) = owner(&world, &format!("eve{number}@evil.test"), "Evil").await;
        assert_eq!(invite(&world, &evil, BOB).await.expect(202)["mail_waits"], json!(number >= 5));
    }
    assert_eq!(invite(&world, &acme, BOB).await.expect(202)["mail_waits"], json!(true));
    world.send_waiting().await;
    assert_eq!(world.mails("invitation", BOB).await.len(), 5);
    world.clock.advance(TimeDelta::hours(4));
    world.send_waiting().await;
    let mails = world.mails("invitation", BOB).await;
    assert_eq!(
        (mails.len(), variable(&mails[5], "tenant_name")),
        (6, json!("Acme")),
        "who is here longest comes first"
    );
    assert_eq!(
        mails[5].expires_at,
        Some(world.clock.now() + TimeDelta::days(7)),
        "its link begins to work when it goes"
    );
    let answer = json!({"display_name": "Bob", "password": PASSWORD});
    assert_eq!(world.server.post(&world.link("invitation", BOB).await, &answer).await.status, 201);
}

#[tokio::test]
async fn an_invitation_is_listed_and_withdrawn() {
    let world = World::start().await;
    let (ada, token) = owner(&world, "ada@acme.test", "Acme").await;
    let (_, other) = owner(&world, "eve@evil.test", "Evil").await;
    let made = invite(&world, &token, BOB).await.expect(202);
    let link = world.link("invitation", BOB).await;
    let listed = open(&world, &token).await;
    assert_eq!((listed.len(), &listed[0]), (1, &made));
    assert_eq!(
        (&made["invited_by"], &made["inviter"], &made["mail_waits"]),
        (&json!(ada.user), &json!("Ada"), &json!(false))
    );
    let path = format!("/v1/invitations/{}", text(&made, "id"));
    assert!(open(&world, &other).await.is_empty());
    world.server.delete(&path).bearer(&other).await.problem(404, "invitation_not_found");
    world.allow(&ada, &[]).await;
    world.server.delete(&path).bearer(&token).await.problem(403, "permission_missing");
    world.allow(&ada, &["auth.inviteMembers"]).await;
    assert_eq!(world.server.delete(&path).bearer(&token).await.status, 204);
    world.server.delete(&path).bearer(&token).await.problem(404, "invitation_not_found");
    let answer = json!({"display_name": "Bob", "password": PASSWORD});
    world.server.post(&link, &answer).await.problem(410, "link_used");
    assert_eq!(world.server.get(&link).await.status, 410);
    assert!(open(&world, &token).await.is_empty());
}

#[tokio::test]
async fn who_refuses_a_tenant_hears_no_more_of_it() {
    let (world, acme) = start().await;
    let (_, other) = owner(&world, "eve@other.test", "Other").await;
    invite(&world, &acme, BOB).await.expect(202);
    let (link, refuse) = (world.link("invitation", BOB).await, refusal(&world).await);
    assert!(world.server.get(&link).await.text.contains("../invitation-refusals/"));
    let page = world.server.get(&refuse).await;
    assert!(
        page.text.contains("<bdi>Acme</bdi>")
            && page.text.contains("None from this tenant")
            && page.text.contains("None from anybody"),
        "{}",
        page.text
    );
    assert_eq!(open(&world, &acme).await.len(), 1, "looking refuses nothing");

    // As a mail program does it for somebody who clicks on 'unsubscribe' (RFC 8058).
    assert_eq!(world.server.post_form(&refuse, &[("List-Unsubscribe", "One-Click")]).await.status, 204);
    assert!(open(&world, &acme).await.is_empty());
    assert_eq!(world.server.get(&link).await.status, 410);
    invite(&world, &acme, BOB).await.problem(409, "invitations_refused");
    invite(&world, &other, BOB).await.expect(202);
    world.clock.advance(TimeDelta::days(30));
    world.sweep(world.clock.now()).await;
    assert_eq!((world.count("invitations").await, world.count("invitation_refusals").await), (0, 1), "it lasts");

    let submit =
        async |from: &str| world.server.post_form(&refuse, &[("from", from)]).header("accept", "text/html").await;
    let page = submit("everybody").await;
    assert!(page.status == 200 && page.text.contains("Take invitations again"), "{}", page.text);
    assert_eq!(submit("nobody").await.status, 200);
    assert_eq!(world.count("invitation_refusals").await, 0);
}

/// What RFC 8058 §3.2 says of senders: no cookies, no credentials, nothing of a browser, and no redirect is followed.
#[tokio::test]
async fn a_mail_program_refuses_with_one_click() {
    const FORM: &str = "List-Unsubscribe=One-Click";
    const PARTS: &str =
        "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let (world, acme) = start().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", FORM),
        ("Application/X-WWW-Form-URLEncoded; charset=UTF-8", FORM),
        ("multipart/form-data; boundary=x", PARTS),
        ("Multipart/Form-Data; boundary=\"x\"", PARTS),
    ] {
        invite(&world, &acme, BOB).await.expect(202);
        let url = format!("{}{}", world.server.url, refusal(&world).await);
        for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
            assert_eq!(http.request(method, &url).send().await.unwrap().status(), 200);
        }
        assert_eq!(
            (open(&world, &acme).await.len(), world.count("invitation_refusals").await),
            (1, 0),
            "looking refuses nothing"
        );
        // Mail programs ask again if the answer is lost.
        for _ in 0..2 {
            let answer = http.post(&url).header("content-type", content_type).body(body).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers().get("set-cookie")), (204, None), "{content_type}");
        }
        assert_eq!(
            (open(&world, &acme).await.len(), world.count("invitation_refusals").await),
            (0, 1),
            "{content_type}"
        );
        invite(&world, &acme, BOB).await.problem(409, "invitations_refused");
        assert_eq!(http.post(&url).json(&json!({"from": "nobody"})).send().await.unwrap().status(), 204);
        world.clock.advance(TimeDelta::days(1));
    }
}

#[tokio::test]
async fn no_mail_is_ordered_for_longer_than_its_link_works() {
    let (world, acme) = start().await;
    invite(&world, &acme, BOB).await.expect(202);
    world.register("carl@elsewhere.test", "Carl's").await;
    for (template, recipient) in [("verify-email", "carl@elsewhere.test"), ("invitation", BOB)] {
        let link = world.link(template, recipient).await;
        let ends = world.mails(template, recipient).await[0].expires_at.expect(template);
        world.clock.advance(ends - world.clock.now() - TimeDelta::seconds(1));
        assert_eq!(world.server.get(&link).await.status, 200, "{template}");
        world.clock.advance(TimeDelta::seconds(2));
        assert_eq!(world.server.get(&link).await.status, 410, "{template}");
    }
}

#[tokio::test]
async fn who_refuses_everybody_is_left_in_peace_by_everybody() {
    let (world, acme) = start().await;
    let (_, other) = owner(&world, "eve@other.test", "Other").await;
    invite(&world, &acme, BOB).await.expect(202);
    invite(&world, &other, BOB).await.expect(202);
    let refuse = refusal(&world).await;
    world.server.post(&refuse, &json!({"from": "everybody"})).await.expect(204);
    for token in [&acme, &other] {
        assert!(open(&world, token).await.is_empty());
        invite(&world, token, BOB).await.problem(409, "invitations_refused");
    }
    invite(&world, &acme, "carl@elsewhere.test").await.expect(202);
    world.server.post(&format!("{refuse}x"), &json!({"from": "nobody"})).await.problem(410, "link_used");
    world.server.post(&refuse, &json!({"from": "nobody"})).await.expect(204);
    invite(&world, &acme, BOB).await.expect(202);
}
