//! Instances that are wanted no longer.

use crate::support::{HOST, id, start};
use configurator::provisioning::{carry_out, server::Names};
use contracts::messages::{FeatureDisabled, FeatureEnabled, JobOutcome};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use test_support::eventually;

#[tokio::test]
async fn what_is_under_way_can_be_cancelled_and_frees_its_host() {
    let fixture = start().await;
    for step in 0..3 {
        let id = match step {
            0 => fixture.requested(HOST, &["polls"]).await,
            1 => fixture.awaiting_setup(HOST, &["polls"]).await,
            _ => fixture.migrating(HOST, &["polls"]).await,
        };
        let cancelled = fixture.cancel(id).await.expect(202);
        assert_eq!(cancelled["state"], "deleting");
        fixture.host(HOST).await.problem(404, "host_unknown");
        if step == 2 {
            let job = fixture.last_job().await;
            fixture.finished(&job, JobOutcome::Succeeded, None).await;
            assert_eq!(fixture.get(id).await["state"], "deleting", "the end of its job does not bring it back");
        }
        assert_eq!(fixture.provision().await, Some(id));
        fixture.read(id).await.problem(404, "instance_not_found");
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
    fixture.cancel(id).await.problem(409, "instance_active");
    let waiting = fixture.awaiting_setup("other.forum.localhost", &[]).await;
    let bob = fixture.stranger().await;
    let delete = fixture.server.delete(&format!("/v1/instances/{waiting}")).bearer(&bob.token);
    delete.send().await.problem(404, "instance_not_found");
    assert_eq!(fixture.get(waiting).await["state"], "awaiting_setup");
}

#[tokio::test]
async fn a_cancelled_instance_leaves_nothing_behind_whoever_is_connected() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    let url = fixture.credentials(id).await.expect(200)["database_url"].as_str().unwrap().to_owned();
    let mut working = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE posts (id bigint)").execute(&mut working).await.unwrap();
    fixture.cancel(id).await.expect(202);
    fixture.cancel(id).await.expect(202);
    fixture.credentials(id).await.problem(404, "instance_not_found");
    assert_eq!(fixture.provision().await, Some(id));
    fixture.assert_gone(&Names::from(id)).await;
    assert!(sqlx::query("SELECT 1").execute(&mut working).await.is_err());
    fixture.cancel(id).await.problem(404, "instance_not_found");
    let secrets: i64 =
        sqlx::query_scalar("SELECT count(*) FROM instance_secrets").fetch_one(&fixture.platform.pool).await.unwrap();
    assert_eq!(secrets, 0);
    assert_eq!((fixture.provision().await, fixture.pass().await), (None, 0));
}

/// Whoever took the instance in hand is slow; meanwhile it is cancelled and dropped by others.
#[tokio::test]
async fn what_was_dropped_is_not_made_again_by_whoever_was_late() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let late = fixture.claim().await;
    fixture.cancel(id).await.expect(202);
    assert_eq!(fixture.provision().await, Some(id));
    carry_out(&fixture.app, &fixture.tenant(), &late).await.unwrap();
    fixture.assert_gone(&Names::from(id)).await;
    fixture.read(id).await.problem(404, "instance_not_found");
}

/// Cut off at many moments, as by a kill.
#[tokio::test]
async fn a_crash_at_any_moment_of_the_drop_leaves_what_the_next_one_finishes() {
    let fixture = start().await;
    for after_ms in [0, 5, 20, 60, 150] {
        let id = fixture.awaiting_setup(&format!("cut-after-{after_ms}.forum.localhost"), &[]).await;
        fixture.cancel(id).await.expect(202);
        let _ = tokio::time::timeout(Duration::from_millis(after_ms), fixture.provision()).await;
        eventually("the next one finishes", async || {
            fixture.due(id).await;
            fixture.provision().await;
            (fixture.read(id).await.status == 404).then_some(())
        })
        .await;
        fixture.assert_gone(&Names::from(id)).await;
    }
}

#[tokio::test]
async fn what_is_being_deleted_counts_until_it_is_gone() {
    let fixture = crate::support::start_with(&[("MAX_INSTANCES_PER_TENANT", "1")]).await;
    let first = id(&fixture.create(HOST, &[]).await.expect(202));
    fixture.cancel(first).await.expect(202);
    fixture.create(HOST, &[]).await.problem(409, "quota_exceeded");
    assert_eq!(fixture.provision().await, Some(first));
    fixture.create(HOST, &[]).await.expect(202);
}
