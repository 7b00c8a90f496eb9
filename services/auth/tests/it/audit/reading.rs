//! What is found in the audit, and who finds it.

use super::{actions, client, operator, page, reader, user, versions};
use crate::support::text;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

#[tokio::test]
async fn an_entry_says_who_did_what_from_where_and_what_is_so_since() {
    let (world, ada, token) = reader().await;
    let request = world.server.post("/v1/clients", &json!({"name": "import"})).header("x-request-id", "r-1");
    let made = request.bearer(&token).await.expect(201)["client"].clone();
    let all = page(&world, &token, "").await;
    let expected = ["tenant.created", "member.joined", "session.opened", "client.created", "client_secret.made"];
    assert_eq!((actions(&all), versions(&all)), (expected.map(str::to_owned).into(), (1..=5).collect()));
    let entry = &all["items"][3];
    let session = &all["items"][2]["after"]["session_id"];
    let origin = json!({"request_id": "r-1", "address": "127.0.0.1", "client_id": "web", "session_id": session});
    assert_eq!((&entry["origin"], &entry["after"], &entry["before"]), (&origin, &made, &Value::Null));
    assert_eq!(
        (text(entry, "actor"), text(entry, "target")),
        (&*user(&ada), &*format!("client:{}", text(&made, "id")))
    );
    let joined = &all["items"][1];
    assert_eq!((text(joined, "actor"), &joined["origin"]["session_id"]), (&*user(&ada), &Value::Null), "by a link");
}

#[tokio::test]
async fn entries_are_found_by_words_and_by_filters_in_pages() {
    let (world, ada, _) = reader().await;
    let before = world.clock.now();
    world.clock.advance(TimeDelta::hours(2));
    let token = text(&world.log_in(&ada).await, "access_token").to_owned();
    let import = client(&world, &token, "nightly import").await;
    client(&world, &token, "Caf\u{e9} till").await;
    let found = async |query: String| actions(&page(&world, &token, &query).await);
    assert_eq!(found("q=nightly".into()).await, ["client.created"]);
    assert_eq!(found("q=NIGHTLY+import".into()).await, ["client.created"]);
    assert_eq!(found("q=%22import+nightly%22".into()).await.len(), 0, "a phrase has an order");
    assert_eq!(found("q=caf%C3%A9".into()).await, ["client.created"]);
    assert_eq!(found("q=client+created+-nightly".into()).await, ["client.created"]);
    assert_eq!(found("q=nightly+or+till".into()).await.len(), 2);
    assert_eq!(found("q=session.opened".into()).await.len(), 2);
    assert_eq!(found(format!("q=client:{import}")).await, ["client.created", "client_secret.made"]);
    assert_eq!(found(format!("target=client:{import}&action=client_secret.made")).await, ["client_secret.made"]);
    assert_eq!(found(format!("actor={}&q=till", user(&ada))).await, ["client.created"]);
    assert_eq!(found(format!("about={}", user(&ada))).await.len(), 4, "made, joined, logged in twice");
    assert_eq!(found("about=nightly%20import".into()).await, ["client.created"]);
    assert_eq!(found("actor=client:nobody".into()).await.len(), 0);
    let instant = (before + TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Micros, true);
    assert_eq!(found(format!("until={instant}")).await, ["tenant.created", "member.joined", "session.opened"]);
    assert_eq!(found(format!("since={instant}")).await.len(), 5);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let next = page(&world, &token, &format!("limit=3{cursor}")).await;
        seen.extend(versions(&next));
        let Some(more) = next["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={more}");
    }
    assert_eq!(seen, (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused() {
    let (world, _, token) = reader().await;
    let ask = async |query: &str| world.server.get(&format!("/v1/identity-audit?{query}")).bearer(&token).await;
    for (query, field) in [
        ("q=", "q"),
        ("q=...", "q"),
        ("since=yesterday", "since"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("of=everybody", "of"),
    ] {
        assert_eq!(ask(query).await.status, 422, "{field}");
    }
    ask(&format!("q={}", "x".repeat(201))).await.invalid(&["q"]);
    for odd in ["q=%00a", "actor=%00", "target=%00", "about=%00", "q=a%26%7C%21%28%29%3A%2A%27%22", "q=%F0%9F%98%80a"] {
        let status = ask(odd).await.status;
        assert!(status == 200 || status == 422 || status == 400, "{odd}: {status}");
    }
    let verify = async |query: &str| {
        world.server.get(&format!("/v1/identity-audit/verification?{query}")).bearer(&token).await.status
    };
    assert_eq!(
        (verify("after=-1").await, verify("after=99999999999").await, verify("after=4294967295").await),
        (422, 422, 200)
    );
}

#[tokio::test]
async fn nobody_sees_what_is_not_theirs() {
    let (world, _, token) = reader().await;
    let (eve, eves) = world.signed_in("eve@evil.test", "Evil", &["auth.readAudit"]).await;
    for (token, tenant) in [(&token, "Acme"), (&eves, "Evil")] {
        let all = page(&world, token, "").await;
        assert_eq!((versions(&all), &all["items"][0]["after"]["name"]), ((1..=3).collect(), &json!(tenant)));
    }
    let theirs = page(&world, &token, &format!("q={}", eve.user)).await;
    assert_eq!(actions(&theirs).len(), 0);
    for path in ["/v1/identity-audit?of=platform", "/v1/identity-audit/verification?of=platform"] {
        world.server.get(path).bearer(&eves).await.problem(403, "platform_only");
    }
    world.allow(&eve, &[]).await;
    world.server.get("/v1/identity-audit").bearer(&eves).await.problem(403, "permission_missing");
    let olga = operator(&world).await;
    let people = page(&world, &olga, "of=platform&action=user.registered").await;
    assert_eq!(actions(&people).len(), 3);
    let keys = page(&world, &olga, "of=platform&q=signing_key.made").await;
    assert_eq!((actions(&keys).len(), text(&keys["items"][0], "actor")), (2, "client:auth"), "by schedule");
}

/// A search that finds little reads its chain a piece at a time.
#[tokio::test]
async fn a_page_reads_no_more_than_it_may_and_the_cursor_leads_on() {
    let (world, ada, token) = reader().await;
    let many = format!(
        "INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, previous, hash)
         SELECT gen_random_uuid(), '{}', version, now(), 'client:x', 'test.made', 'x', '{{}}', '', ''
         FROM generate_series(4, 12000) AS version",
        ada.tenant
    );
    super::forge(&world, &many).await;
    super::forge(
        &world,
        &format!("UPDATE audit SET target = 'needle' WHERE tenant_id = '{}' AND version = 11999", ada.tenant),
    )
    .await;
    let first = page(&world, &token, "q=needle").await;
    assert_eq!(actions(&first).len(), 0);
    let second = page(&world, &token, &format!("q=needle&cursor={}", text(&first, "next_cursor"))).await;
    assert_eq!((versions(&second), &second["next_cursor"]), (vec![11_999], &Value::Null));
    let led = page(&world, &token, "target=needle").await;
    assert_eq!((versions(&led), &led["next_cursor"]), (vec![11_999], &Value::Null), "an index leads to it");
}
