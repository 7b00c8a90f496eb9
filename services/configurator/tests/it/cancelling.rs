//! Instances that are wanted no longer.

use crate::support::{Fixture, OWNER, id, start};
use configurator::{
    deadlines,
    provisioning::{carry_out, server::Names},
};
use contracts::{
    id::InstanceId,
    messages::{FeatureDisabled, FeatureEnabled, JobOutcome},
};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use test_support::{TestAnswer, background, eventually};

const HOST: &str = "acme.forum.localhost";

async fn cancel(fixture: &Fixture, id: InstanceId) -> TestAnswer {
    fixture.as_ada(fixture.server.delete(&format!("/v1/instances/{id}"))).await
}

#[tokio::test]
async fn what_is_under_way_can_be_cancelled_and_frees_its_host() {
    let fixture = start().await;
    for step in 0..3 {
        let id = match step {
            0 => fixture.requested(HOST, &["polls"]).await,
            1 => fixture.awaiting_setup(HOST, &["polls"]).await,
            _ => fixture.migrating(HOST, &["polls"]).await,
        };
        let cancelled = cancel(&fixture, id).await.expect(202);
        assert_eq!(cancelled["state"], "deleting");
        fixture.host(HOST).await.problem(404, "host_unknown");
        if step == 2 {
            let job = fixture.last_job().await;
            fixture.finished(&job, JobOutcome::Succeeded, None).await;
            assert_eq!(fixture.get(id).await["state"], "deleting", "the end of its job does not bring it back");
        }
        assert_eq!(fixture.provision().await, Some(id));
        fixture.as_ada(fixture.server.get(&format!("/v1/instances/{id}"))).await.problem(404, "instance_not_found");
    }
    assert!(
        fixture.platform.outbox::<FeatureEnabled>().await.is_empty()
            && fixture.platform.outbox::<FeatureDisabled>().await.is_empty()
    );
}

#[tokio::test]
async fn what_is_in_use_or_anothers_cannot_be_cancelled() {
    let fixture = start().await;
    let id = fixture.active(HOST, &[]).await;
    cancel(&fixture, id).await.problem(409, "instance_active");
    let waiting = fixture.awaiting_setup("other.forum.localhost", &[]).await;
    let bob = fixture.platform.user(fixture.platform.tenant(), OWNER).await;
    fixture
        .server
        .delete(&format!("/v1/instances/{waiting}"))
        .bearer(&bob.token)
        .send()
        .await
        .problem(404, "instance_not_found");
    assert_eq!(fixture.get(waiting).await["state"], "awaiting_setup");
}

#[tokio::test]
async fn a_cancelled_instance_leaves_nothing_behind_whoever_is_connected() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    let worker = fixture
        .server
        .get(&format!("/internal/instances/{id}/credentials"))
        .bearer(&fixture.platform.client_token("worker"));
    let url = worker.send().await.expect(200)["database_url"].as_str().unwrap().to_owned();
    let mut working = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE posts (id bigint)").execute(&mut working).await.unwrap();
    cancel(&fixture, id).await.expect(202);
    cancel(&fixture, id).await.expect(202);
    let worker = fixture
        .server
        .get(&format!("/internal/instances/{id}/credentials"))
        .bearer(&fixture.platform.client_token("worker"));
    worker.send().await.problem(404, "instance_not_found");
    assert_eq!(fixture.provision().await, Some(id));
    fixture.assert_gone(&Names::from(id)).await;
    assert!(sqlx::query("SELECT 1").execute(&mut working).await.is_err());
    cancel(&fixture, id).await.problem(404, "instance_not_found");
    let secrets: i64 =
        sqlx::query_scalar("SELECT count(*) FROM instance_secrets").fetch_one(&fixture.platform.pool).await.unwrap();
    assert_eq!(secrets, 0);
    assert_eq!((fixture.provision().await, deadlines::pass(&fixture.app, background()).await.unwrap()), (None, 0));
}

/// Whoever took the instance in hand is slow; meanwhile it is cancelled and dropped by others.
#[tokio::test]
async fn what_was_dropped_is_not_made_again_by_whoever_was_late() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let late = fixture.claim().await;
    cancel(&fixture, id).await.expect(202);
    assert_eq!(fixture.provision().await, Some(id));
    carry_out(&fixture.app, &fixture.tenant(), &late).await.unwrap();
    fixture.assert_gone(&Names::from(id)).await;
    fixture.as_ada(fixture.server.get(&format!("/v1/instances/{id}"))).await.problem(404, "instance_not_found");
}

/// Cut off at many moments, as by a kill.
#[tokio::test]
async fn a_crash_at_any_moment_of_the_drop_leaves_what_the_next_one_finishes() {
    let fixture = start().await;
    for after_ms in [0, 5, 20, 60, 150] {
        let id = fixture.awaiting_setup(&format!("cut-after-{after_ms}.forum.localhost"), &[]).await;
        cancel(&fixture, id).await.expect(202);
        let _ = tokio::time::timeout(Duration::from_millis(after_ms), fixture.provision()).await;
        eventually("the next one finishes", async || {
            fixture.tamper("UPDATE instances SET due_at = created_at WHERE id = $1", id).await;
            fixture.provision().await;
            (fixture.as_ada(fixture.server.get(&format!("/v1/instances/{id}"))).await.status == 404).then_some(())
        })
        .await;
        fixture.assert_gone(&Names::from(id)).await;
    }
}

#[tokio::test]
async fn what_is_being_deleted_counts_until_it_is_gone() {
    let fixture = crate::support::start_with(&[("MAX_INSTANCES_PER_TENANT", "1")]).await;
    let first = id(&fixture.create(HOST, &[]).await.expect(202));
    cancel(&fixture, first).await.expect(202);
    fixture.create(HOST, &[]).await.problem(409, "quota_exceeded");
    assert_eq!(fixture.provision().await, Some(first));
    fixture.create(HOST, &[]).await.expect(202);
}
