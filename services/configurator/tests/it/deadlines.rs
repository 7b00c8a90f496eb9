//! Lost messages, workers that are away, and people who never come back.

use crate::support::{Fixture, HOST, start};
use chrono::TimeDelta;
use configurator::{deadlines, provisioning::server::Names};
use contracts::{
    id::InstanceId,
    messages::{FeatureEnabled, JobOutcome, RunJob},
};
use serde_json::{Value, json};
use test_support::{background, eventually};

async fn due(fixture: &Fixture, id: InstanceId) -> usize {
    fixture.due(id).await;
    fixture.pass().await
}

async fn hours_ago(fixture: &Fixture, id: InstanceId, hours: i64) {
    let since = fixture.platform.ambient.now() - TimeDelta::hours(hours);
    sqlx::query("UPDATE instances SET state_since = $2 WHERE id = $1")
        .bind(id.0)
        .bind(since)
        .execute(&fixture.platform.pool)
        .await
        .expect("a statement");
}

/// All orders on their way are lost to a dead-letter queue.
async fn lose_orders(fixture: &Fixture) {
    sqlx::query("DELETE FROM outbox").execute(&fixture.platform.pool).await.expect("a statement");
}

#[tokio::test]
async fn a_lost_order_is_given_again_under_the_same_id_and_then_told_to_people() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    let lost = fixture.last_job().await;
    assert_eq!(fixture.pass().await, 0, "nothing is due yet");
    for _ in 0..5 {
        lose_orders(&fixture).await;
        let (a, b, c) = tokio::join!(due(&fixture, id), fixture.pass(), fixture.pass());
        assert_eq!(a + b + c, 1, "in one hand at a time");
        let [again] = fixture.platform.outbox::<RunJob>().await.try_into().expect("one order");
        assert_eq!((again.job_id, &again.kind, &again.payload), (lost.job_id, &lost.kind, &lost.payload));
        assert_eq!(fixture.get(id).await["reason"], json!(null));
    }
    due(&fixture, id).await;
    let stuck = fixture.get(id).await;
    assert_eq!(stuck["state"], "migrating");
    assert!(
        stuck["reason"].as_str().is_some_and(|reason| reason.contains("no worker has taken it"))
            && stuck["expires_at"].is_string(),
        "{stuck}"
    );
    fixture.retry(id).await.expect(202);
    let new = fixture.last_job().await;
    assert_ne!(new.job_id, lost.job_id);
    fixture.finished(&lost, JobOutcome::Succeeded, None).await;
    assert_eq!(fixture.get(id).await["state"], "migrating", "the end of an order that was replaced moves nothing");
    fixture.finished(&new, JobOutcome::Succeeded, None).await;
    assert_eq!(fixture.get(id).await["state"], "seeding");
}

#[tokio::test]
async fn an_end_that_was_not_heard_of_is_asked_for() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    let mut lost = Vec::new();
    for state in ["seeding", "active"] {
        let job = fixture.last_job().await;
        fixture.worker.says(job.job_id, "succeeded", None);
        due(&fixture, id).await;
        assert_eq!(fixture.get(id).await["state"], state);
        lost.push(job);
    }
    assert_eq!(fixture.platform.outbox::<FeatureEnabled>().await.len(), 2);
    let active = fixture.get(id).await;
    for job in &lost {
        fixture.finished(job, JobOutcome::Succeeded, None).await;
        fixture.finished(job, JobOutcome::Failed, Some("late")).await;
    }
    assert_eq!((due(&fixture, id).await, fixture.get(id).await), (0, active));
    assert_eq!(fixture.platform.outbox::<FeatureEnabled>().await.len(), 2);
}

/// The message comes after all, while the worker is asked: what it then says is of a job that the instance waits for no
/// more.
#[tokio::test]
async fn an_answer_that_comes_after_the_message_moves_nothing() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    for (told, expected) in [("succeeded", "seeding"), ("failed", "active")] {
        let (job, asked) = (fixture.last_job().await, fixture.worker.asked());
        fixture.worker.says(job.job_id, told, Some("the disk is full"));
        let silence = fixture.worker.keep_silent().await;
        let late = async {
            eventually("the worker is asked", async || (fixture.worker.asked() > asked).then_some(())).await;
            fixture.finished(&job, JobOutcome::Succeeded, None).await;
            drop(silence);
        };
        assert_eq!(tokio::join!(due(&fixture, id), late).0, 1);
        fixture.assert_well(id, expected).await;
    }
    assert_eq!(fixture.platform.outbox::<RunJob>().await.len(), 2);
}

#[tokio::test]
async fn a_failure_that_was_not_heard_of_is_asked_for() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    fixture.worker.says(fixture.last_job().await.job_id, "failed", Some("0002_posts.sql: the disk is full"));
    due(&fixture, id).await;
    assert_eq!(fixture.get(id).await["reason"], "0002_posts.sql: the disk is full");
    fixture.retry(id).await.expect(202);
}

#[tokio::test]
async fn a_job_that_does_not_end_gets_a_reason_and_may_still_succeed() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    let job = fixture.last_job().await;
    for state in ["queued", "running"] {
        fixture.worker.says(job.job_id, state, None);
        assert_eq!(due(&fixture, id).await, 1);
        assert_eq!(
            (fixture.get(id).await["reason"].clone(), fixture.platform.outbox::<RunJob>().await.len()),
            (json!(null), 1)
        );
    }
    hours_ago(&fixture, id, 2).await;
    due(&fixture, id).await;
    assert!(fixture.get(id).await["reason"].as_str().is_some_and(|reason| reason.contains("has not ended")));
    assert_eq!(due(&fixture, id).await, 0, "people have been told");
    fixture.finished(&job, JobOutcome::Succeeded, None).await;
    fixture.assert_well(id, "seeding").await;
}

#[tokio::test]
async fn while_the_worker_is_away_nothing_is_held_against_the_instance_for_an_hour() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    let cut_off = fixture.another_app(&[("WORKER_URL", "http://127.0.0.1:1")]).await;
    for (hours, is_told) in [(0, false), (2, true)] {
        hours_ago(&fixture, id, hours).await;
        fixture.due(id).await;
        assert_eq!(deadlines::pass(&cut_off, background()).await.unwrap(), 1);
        assert_eq!(fixture.get(id).await["reason"].is_string(), is_told);
    }
    assert_eq!(fixture.platform.outbox::<RunJob>().await.len(), 1);
}

#[tokio::test]
async fn what_nobody_finishes_is_deleted_and_what_is_in_use_never() {
    let fixture = start().await;
    let active = fixture.active("active.forum.localhost", &[]).await;
    let waiting = fixture.awaiting_setup(HOST, &[]).await;
    let failed = fixture.migrating("failed.forum.localhost", &[]).await;
    fixture.finished(&fixture.last_job().await, JobOutcome::Failed, Some("the disk is full")).await;
    let unproved = fixture.requested("forum.acme.test", &[]).await;
    let busy = fixture.migrating("busy.forum.localhost", &[]).await;
    let unfinished = [waiting, failed, unproved];
    for id in unfinished.into_iter().chain([active, busy]) {
        hours_ago(&fixture, id, 6 * 24).await;
    }
    fixture.worker.says(fixture.last_job().await.job_id, "running", None);
    fixture.tamper("UPDATE instances SET due_at = now() + interval '1 day' WHERE id <> $1", busy).await;
    assert_eq!(fixture.pass().await, 0);
    for id in unfinished.into_iter().chain([active, busy]) {
        hours_ago(&fixture, id, 8 * 24).await;
    }
    assert_eq!(fixture.pass().await, 3);
    for id in unfinished {
        assert_eq!(fixture.get(id).await["state"], "deleting");
        assert!(fixture.provision().await.is_some());
    }
    for id in unfinished {
        fixture.read(id).await.problem(404, "instance_not_found");
        fixture.assert_gone(&Names::from(id)).await;
    }
    let states: Vec<Value> = vec![fixture.get(active).await["state"].clone(), fixture.get(busy).await["state"].clone()];
    assert_eq!(states, [json!("active"), json!("migrating")]);
    fixture.create(HOST, &[]).await.expect(202);
}
