//! What is in use, as billing asks for it.

use crate::support::{Fixture, HOST, OWNER, start};
use common::page::Page;
use contracts::{
    http::instances::ActiveInstance,
    id::InstanceId,
    messages::{FeatureDisabled, FeatureEnabled},
};
use test_support::background;

async fn page(fixture: &Fixture, query: &str) -> Page<ActiveInstance> {
    let request = fixture.server.get(&format!("/internal/active-features{query}"));
    let page = request.bearer(&fixture.platform.client_token("billing")).send().await.expect(200);
    serde_json::from_value(page).expect("a page")
}

fn features(instance: &ActiveInstance) -> Vec<&str> {
    instance.features.iter().map(|feature| feature.feature.as_str()).collect()
}

#[tokio::test]
async fn what_is_in_use_is_told_as_the_messages_told_it() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["charts", "polls"]).await;
    fixture.migrating("under-way.forum.localhost", &["polls"]).await;
    let cancelled = fixture.requested("cancelled.forum.localhost", &[]).await;
    fixture.cancel(cancelled).await.expect(202);
    let path = format!("/v1/instances/{id}/modules/charts");
    fixture.as_ada(fixture.server.delete(&path)).await.expect(200);
    let told = fixture.platform.outbox::<FeatureEnabled>().await;
    let [removed] = fixture.platform.outbox::<FeatureDisabled>().await.try_into().expect("one removal");

    let [instance] = page(&fixture, "").await.items.try_into().expect("the active one");
    assert_eq!((instance.instance_id, instance.tenant_id), (id, fixture.ada.tenant));
    assert_eq!((instance.service.as_str(), instance.version.as_str()), ("forum", "1.0.0"));
    assert_eq!((instance.host.as_str(), Some(instance.generation)), (HOST, removed.generation));
    assert_eq!(features(&instance), ["forum", "forum.polls"]);
    let [ended] = &instance.ended[..] else { panic!("{:?}", instance.ended) };
    assert_eq!((ended.feature.as_str(), ended.until), ("forum.charts", removed.effective_at));
    let began = told.iter().find(|event| event.feature == "forum.charts").map(|event| event.effective_at);
    assert_eq!(Some(ended.since), began);
    for feature in instance.features {
        let said = told.iter().find(|event| event.feature == feature.feature).expect("a message");
        assert_eq!(feature.since, said.effective_at);
    }
}

#[tokio::test]
async fn it_is_told_of_all_tenants_page_by_page() {
    let fixture = start().await;
    let mut made = Vec::new();
    for host in ["a.forum.localhost", "b.forum.localhost", "c.forum.localhost"] {
        let id = fixture.active(host, &["charts", "polls"]).await;
        fixture.tamper("UPDATE instances SET tenant_id = gen_random_uuid() WHERE id = $1", id).await;
        made.push(id);
    }
    let (mut seen, mut query) = (Vec::<InstanceId>::new(), "?limit=1".to_owned());
    loop {
        let page = page(&fixture, &query).await;
        assert!(page.items.len() == 1 && page.items[0].generation == 3 && features(&page.items[0]).len() == 3);
        seen.push(page.items[0].instance_id);
        let Some(cursor) = page.next_cursor else { break };
        query = format!("?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn only_billing_is_told() {
    let fixture = start().await;
    let ask = || fixture.server.get("/internal/active-features");
    for client in ["forum", "forum-worker", "permission"] {
        ask().bearer(&fixture.platform.client_token(client)).send().await.problem(403, "platform_client_only");
    }
    let owner = fixture.platform.user(fixture.platform.tenant(), OWNER).await;
    ask().bearer(&owner.token).send().await.problem(403, "platform_client_only");
    ask().send().await.problem(401, "token_missing");
    let billing = fixture.platform.client_token("billing");
    for query in ["?limit=0", "?limit=201"] {
        let request = fixture.server.get(&format!("/internal/active-features{query}"));
        request.bearer(&billing).send().await.invalid(&["limit"]);
    }
}

/// As the service's own role, for whom the wall is part of the plan.
#[tokio::test]
async fn what_was_deleted_is_not_read() {
    let fixture = start().await;
    let mut tx = background().begin_across_tenants(&fixture.app.db).await.expect("a transaction");
    let deleted = "INSERT INTO instances (id, tenant_id, service, version, host, state, state_since, created_at,
                       created_by, changed_at, due_at)
                   SELECT gen_random_uuid(), gen_random_uuid(), 'forum', '1.0.0', 'h' || n, 'deleted', now(), now(),
                       'user:x', now(), now() FROM generate_series(1, 5000) n";
    sqlx::query(deleted).execute(&mut *tx).await.expect("deleted instances");
    let plan = "EXPLAIN SELECT host FROM instances
                WHERE state = 'active' AND id > '01900000-0000-7000-8000-000000000000' ORDER BY id LIMIT 51";
    let plan: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut *tx).await.expect("a plan");
    assert!(plan.iter().any(|line| line.contains("instances_active")), "{plan:#?}");
}
