//! Registrations: how a stranger becomes the owner of a tenant.

use crate::support::{PASSWORD, World, path_of, registration, text};
use chrono::TimeDelta;
use contracts::messages::{TenantCreated, TenantKind};
use serde_json::json;
use test_support::eventually;

#[tokio::test]
async fn a_confirmed_registration_makes_a_user_a_tenant_and_its_owner() {
    let world = World::start().await;
    world.server.post("/v1/users", &registration(" Ada@Acme.TEST", "Acme")).await.expect(202);
    let link = world.link("verify-email", "ada@acme.test").await;
    let credentials = json!({"email": "ada@acme.test", "password": PASSWORD});
    world.server.post("/v1/sessions", &credentials).await.problem(401, "credentials_wrong");
    let wrong = json!({"email": "ada@acme.test", "password": "not the password"});
    world.server.post("/v1/sessions", &wrong).await.problem(401, "credentials_wrong");

    // A mail scanner follows the link.
    let page = world.server.get(&link).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("<form method=\"post\">")
            && page.text.contains("<bdi>Acme</bdi>")
            && page.header("content-security-policy").is_some(),
        "{}",
        page.text
    );

    let made = world.server.post(&link, &json!({"password": PASSWORD})).await.expect(200);
    assert_eq!(text(&made, "email"), "ada@acme.test");
    let created = world.said::<TenantCreated>().await;
    assert_eq!(created.len(), 1);
    assert_eq!(
        (created[0].name.as_str(), created[0].kind, created[0].owner_email.as_str()),
        ("Acme", TenantKind::Customer, "ada@acme.test")
    );
    assert_eq!(created[0].owner_user_id.to_string(), text(&made, "user_id"));
    assert_eq!(created[0].tenant_id.to_string(), text(&made, "tenant_id"));
    world.server.post(&link, &json!({"password": PASSWORD})).await.problem(410, "link_used");
    assert_eq!(world.server.get(&link).await.status, 410);
    world.server.post("/v1/sessions", &credentials).await.expect(201);
    eventually("the relay has published everything", async || (world.count("outbox").await == 0).then_some(())).await;
}

#[tokio::test]
async fn browsers_get_pages() {
    let world = World::start().await;
    let link = world.register("ada@acme.test", "Acme").await;
    let click =
        || world.server.post_form(&link, &[("password", PASSWORD)]).header("accept", "text/html,*/*;q=0.8").send();
    let wrong = world.server.post_form(&link, &[("password", "not hers")]).header("accept", "text/html").await;
    assert!(
        wrong.status == 401 && wrong.text.contains("not the password") && wrong.text.contains("<form"),
        "{}",
        wrong.text
    );
    let done = click().await;
    assert_eq!((done.status, done.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(done.text.contains("Your account is ready"), "{}", done.text);
    let again = click().await;
    assert_eq!((again.status, again.header("content-type")), (410, Some("text/html; charset=utf-8")));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::start().await;
    let refused = async |body| world.server.post("/v1/users", &body).await;
    refused(json!({})).await.invalid(&["email", "password", "display_name", "tenant_name"]);
    refused(json!({"email": "ada@", "password": "too short", "display_name": "Ada", "tenant_name": " "}))
        .await
        .invalid(&["email", "password", "tenant_name"]);
    for password in ["passwordpassword", "QwertyUiopAsdfgh", "all the best to acme", "ada goes a long way"] {
        let mut body = registration("ada@acme.test", "Acme");
        body["password"] = password.into();
        refused(body).await.invalid(&["password"]);
    }
    let mut body = registration("ada@acme.test", "Acme");
    body["email"] = 5.into();
    refused(body).await.invalid(&["email"]);
    assert_eq!(world.count("registrations").await, 0);
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_another_mail() {
    let (world, ada) = World::with_ada().await;
    for _ in 0..2 {
        let answer = world.server.post("/v1/users", &registration(&ada.email, "Again")).await.expect(202);
        assert_eq!(answer, json!({"status": "verification_sent"}));
    }
    assert_eq!(world.mails("verify-email", &ada.email).await.len(), 1);
    let notices = world.mails("account-exists", &ada.email).await;
    assert_eq!(notices.len(), 2);
    assert_eq!(notices[0], notices[1], "the same key makes them one mail");
}

#[tokio::test]
async fn one_link_serves_one_of_many_callers() {
    let world = World::start().await;
    let link = world.register("ada@acme.test", "Acme").await;
    let post = async || world.server.post(&link, &json!({"password": PASSWORD})).await.status;
    let (a, b, c, d) = tokio::join!(post(), post(), post(), post());
    let mut statuses = [a, b, c, d];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410, 410]);
    assert_eq!(
        (world.count("users").await, world.count("tenants").await, world.said::<TenantCreated>().await.len()),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn who_registers_twice_gets_one_account() {
    let world = World::start().await;
    let body = registration("ada@acme.test", "Acme");
    let (a, b) =
        tokio::join!(world.server.post("/v1/users", &body).send(), world.server.post("/v1/users", &body).send());
    assert_eq!((a.status, b.status), (202, 202));
    let links: Vec<String> = world.mails("verify-email", "ada@acme.test").await.iter().map(path_of).collect();
    assert_eq!(links.len(), 2);
    let post = async |link: &str| world.server.post(link, &json!({"password": PASSWORD})).await.status;
    let (a, b) = tokio::join!(post(&links[0]), post(&links[1]));
    assert_eq!((a.min(b), a.max(b)), (200, 410));
    assert_eq!(
        (world.count("users").await, world.count("tenants").await, world.said::<TenantCreated>().await.len()),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn links_expire() {
    let world = World::start().await;
    let link = world.register("ada@acme.test", "Acme").await;
    world.clock.advance(TimeDelta::minutes(30));
    let confirm = async |link: &str| world.server.post(link, &json!({"password": PASSWORD})).await;
    confirm(&link).await.problem(410, "link_used");
    confirm("/v1/email-verifications/never-was-one").await.problem(410, "link_used");
    confirm(&world.register("ada@acme.test", "Acme").await).await.expect(200);
    let later = world.clock.now() + TimeDelta::days(8);
    world.sweep(later).await;
    assert_eq!(
        (world.count("registrations").await, world.count("link_mails").await, world.count("users").await),
        (0, 0, 1)
    );
}

/// What is wrong with any link is said before the link is looked at.
#[tokio::test]
async fn validation_comes_before_state() {
    let world = World::start().await;
    let post = async |path: &str, body| world.server.post(&format!("/v1/{path}"), &body).await;
    post("email-verifications/never-was-one", json!({})).await.invalid(&["password"]);
    let long = json!({"display_name": "x".repeat(101), "password": PASSWORD});
    post("invitations/never-was-one", long).await.invalid(&["display_name"]);
    let both = json!({"display_name": "a://b", "password": "x".repeat(257)});
    post("invitations/never-was-one", both).await.invalid(&["display_name", "password"]);
    post("invitations/never-was-one", json!({"password": PASSWORD})).await.problem(410, "link_used");
    post("invitation-refusals/never-was-one", json!({"from": "elsewhere"})).await.invalid(&["from"]);
    post("invitation-refusals/never-was-one", json!({"from": "tenant"})).await.problem(410, "link_used");
}
