//! Removing modules.

use crate::support::{HOST, start};
use contracts::messages::FeatureDisabled;
use serde_json::json;

#[tokio::test]
async fn a_removed_module_is_gone_and_billing_is_told_the_same_instant_once() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["polls"]).await;
    let before = fixture.host(HOST).await.expect(200);
    let path = format!("/v1/instances/{id}/modules/polls");
    let instance = fixture.as_ada(fixture.server.delete(&path)).await.expect(200);
    assert_eq!(instance["modules"], json!([]));
    fixture.as_ada(fixture.server.delete(&path)).await.problem(404, "module_not_enabled");
    let [event] = fixture.platform.outbox::<FeatureDisabled>().await.try_into().expect("one event");
    assert_eq!((event.instance_id, event.service.as_str(), event.feature.as_str()), (id, "forum", "forum.polls"));
    let removed = &instance["removed_modules"][0];
    assert_eq!((&removed["name"], &removed["removed_at"]), (&json!("polls"), &json!(event.effective_at)));
    let after = fixture.host(HOST).await.expect(200);
    assert_eq!(after["modules"], json!([]));
    assert!(after["generation"].as_i64() > before["generation"].as_i64());
}

#[tokio::test]
async fn removed_twice_at_once_it_is_removed_once() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["polls"]).await;
    let path = format!("/v1/instances/{id}/modules/polls");
    let remove = || fixture.as_ada(fixture.server.delete(&path));
    let (a, b, c) = tokio::join!(remove(), remove(), remove());
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404]);
    assert_eq!(fixture.platform.outbox::<FeatureDisabled>().await.len(), 1);
}

#[tokio::test]
async fn what_others_need_or_what_is_not_there_cannot_be_removed() {
    let fixture = start().await;
    let waiting = fixture.awaiting_setup("other.forum.localhost", &["polls"]).await;
    let id = fixture.active(HOST, &["charts", "polls"]).await;
    let remove = async |id, module: &str| {
        fixture.as_ada(fixture.server.delete(&format!("/v1/instances/{id}/modules/{module}"))).await
    };
    remove(waiting, "polls").await.problem(409, "not_active");
    remove(id, "polls").await.problem(409, "module_needed");
    remove(id, "ghost").await.problem(404, "module_not_enabled");
    remove(id, "charts").await.expect(200);
    remove(id, "polls").await.expect(200);
    let told: Vec<_> =
        fixture.platform.outbox::<FeatureDisabled>().await.into_iter().map(|event| event.feature).collect();
    assert_eq!(told, ["forum.charts", "forum.polls"]);
}
