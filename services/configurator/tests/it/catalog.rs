//! Publishing and listing services.

use crate::support::{Fixture, manifest, start};
use contracts::messages::ServicePublished;
use serde_json::json;
use test_support::eventually;

/// The versions that other services were told of, in order.
async fn announced(fixture: &Fixture) -> Vec<String> {
    let events = fixture.platform.outbox::<ServicePublished>().await;
    events.into_iter().map(|event| event.manifest.version).collect()
}

#[tokio::test]
async fn a_version_is_published_once_and_never_changes() {
    let fixture = start().await;
    let same = fixture.publish(&manifest("1.0.0")).await.expect(200);
    assert_eq!((same["service"].as_str(), same["version"].as_str()), (Some("forum"), Some("1.0.0")));
    fixture.publish_as_operator(&manifest("1.0.0")).await.expect(200);
    let mut dearer = manifest("1.0.0");
    dearer["price_per_hour"] = "0.03".into();
    fixture.publish(&dearer).await.problem(409, "version_taken");
    fixture.publish_as_operator(&dearer).await.problem(409, "version_taken");
    assert_eq!(fixture.platform.outbox::<ServicePublished>().await.len(), 1);
    dearer["version"] = "1.0.1".into();
    fixture.publish_as_operator(&dearer).await.expect(201);
    assert_eq!(fixture.platform.outbox::<ServicePublished>().await.len(), 2);
}

#[tokio::test]
async fn the_catalog_shows_the_latest_version_of_each_service() {
    let fixture = start().await;
    for version in ["1.9.0", "1.10.0", "1.9.1"] {
        fixture.publish(&manifest(version)).await.expect(201);
    }
    let mut wiki = manifest("0.1.0");
    (wiki["service"], wiki["permissions"]) = ("wiki".into(), json!([]));
    fixture.publish_as_operator(&wiki).await.expect(201);
    let nobody = fixture.platform.user(fixture.platform.tenant(), &[]).await;
    let page = fixture.server.get("/v1/services").bearer(&nobody.token).send().await.expect(200);
    let shown: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["service"].as_str().unwrap(), item["version"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("forum", "1.10.0"), ("wiki", "0.1.0")]);
    let forum = &page["items"][0];
    let get = |name: &str| fixture.server.get(&format!("/v1/services/{name}")).bearer(&nobody.token).send();
    assert_eq!(&get("forum").await.expect(200), forum);
    get("fora").await.problem(404, "service_not_found");
    assert_eq!(
        (&forum["price_per_hour"], &forum["modules"][1]["name"], &forum["meters"][0]["unit"]),
        (&json!("0.02"), &json!("polls"), &json!("post"))
    );
    let first = fixture.server.get("/v1/services?limit=1").bearer(&nobody.token).send().await.expect(200);
    let rest = format!("/v1/services?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = fixture.server.get(&rest).bearer(&nobody.token).send().await.expect(200);
    assert_eq!((&rest["items"][0]["service"], rest.get("next_cursor")), (&json!("wiki"), None));
}

#[tokio::test]
async fn a_version_that_is_not_newer_is_refused_unless_it_is_a_patch_of_its_line() {
    let fixture = start().await;
    fixture.publish(&manifest("2.0.0")).await.expect(201);
    for (version, code) in
        [("1.1.0", 409), ("0.9.0", 409), ("1.0.1", 201), ("1.0.1", 200), ("2.0.0", 200), ("2.0.1", 201)]
    {
        let answer = fixture.publish_as_operator(&manifest(version)).await;
        assert_eq!(answer.status, code, "{version}: {}", answer.text);
        if code == 409 {
            answer.problem(409, "version_not_newer");
        }
    }
    let announced = announced(&fixture).await;
    assert_eq!(announced, ["1.0.0", "2.0.0", "1.0.1", "2.0.1"]);
}

#[tokio::test]
async fn of_versions_published_at_once_none_is_older_than_one_before_it() {
    let fixture = start().await;
    let mut wall = fixture.platform.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE service_versions IN SHARE MODE").execute(&mut *wall).await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let wait_for = async |many: i64| {
        let count = async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&fixture.platform.pool).await.unwrap();
        eventually("all are in the middle of it", async || (count().await == many).then_some(())).await;
    };
    let (newest, newer) = (manifest("4.0.0"), manifest("3.0.0"));
    let (newest, newer, ()) = tokio::join!(
        fixture.publish_as_operator(&newest),
        async {
            wait_for(1).await;
            fixture.publish_as_operator(&newer).await
        },
        async {
            wait_for(2).await;
            wall.rollback().await.unwrap();
        },
    );
    assert_eq!((newest.status, newer.status), (201, 409));
    let announced = announced(&fixture).await;
    assert!(announced.is_sorted(), "{announced:?}");
}

#[tokio::test]
async fn a_product_publishes_only_itself_and_nothing_unsound() {
    let fixture = start().await;
    let mut wiki = manifest("1.0.0");
    (wiki["service"], wiki["permissions"]) = ("wiki".into(), json!([]));
    fixture.publish(&wiki).await.problem(403, "not_your_service");
    let other_name = fixture.server.put("/internal/services/wiki", &json!({"manifest": wiki}));
    fixture.as_forum(other_name).await.problem(403, "not_your_service");
    let mut unsound = manifest("2");
    unsound["setup"] = json!({"type": "object", "properties": {"title": {"type": "text"}}});
    fixture.publish(&unsound).await.invalid(&["manifest", "manifest.setup"]);
    let mut incomplete = manifest("2.0.0");
    incomplete.as_object_mut().unwrap().remove("currency");
    fixture.publish(&incomplete).await.invalid(&["manifest.currency"]);
    let mut billing = manifest("2.0.0");
    (billing["service"], billing["permissions"]) = ("billing".into(), json!([]));
    fixture.publish_as_operator(&billing).await.invalid(&["manifest.service"]);
}
