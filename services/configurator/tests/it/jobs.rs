//! The ends of jobs move instances on, once each.

use crate::support::{HOST, job_finished, start};
use contracts::{
    id::JobId,
    jobs::{Job, MigrateInstance, SeedInstance},
    messages::{FeatureEnabled, JobOutcome, RunJob},
};
use messaging::{Fault, Handle};
use serde_json::json;

#[tokio::test]
async fn each_end_counts_once_however_often_it_is_told() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    let migrate = fixture.last_job().await;
    for _ in 0..3 {
        fixture.finished(&migrate, JobOutcome::Succeeded, None).await;
    }
    let [_, seed] = fixture.platform.outbox::<RunJob>().await.try_into().expect("a migration and one seed");
    assert_eq!(
        (migrate.kind.as_str(), seed.kind.as_str(), &fixture.get(id).await["state"]),
        (MigrateInstance::KIND, SeedInstance::KIND, &json!("seeding"))
    );
    assert!(fixture.platform.outbox::<FeatureEnabled>().await.is_empty());
    for _ in 0..3 {
        fixture.finished(&seed, JobOutcome::Succeeded, None).await;
    }
    fixture.finished(&migrate, JobOutcome::Failed, Some("late")).await;
    fixture.finished(&seed, JobOutcome::Failed, Some("late")).await;
    let instance = fixture.get(id).await;
    assert_eq!((&instance["state"], &instance["reason"]), (&json!("active"), &json!(null)));
    let [service, module] = fixture.platform.outbox::<FeatureEnabled>().await.try_into().expect("one event a feature");
    assert_eq!(
        (service.feature.as_str(), module.feature.as_str(), service.host.as_str()),
        ("forum", "forum.polls", HOST)
    );
    assert_eq!((service.instance_id, service.effective_at), (id, module.effective_at));
    assert_eq!(
        (service.version.as_deref(), module.version.as_deref()),
        (Some("1.0.0"), Some("1.0.0")),
        "whose price holds"
    );
    assert_eq!(instance["modules"], json!([{"name": "polls", "enabled_at": service.effective_at}]));
    assert_eq!(instance["state_since"], json!(service.effective_at));
}

#[tokio::test]
async fn a_failed_job_gives_its_reason_and_is_retried_as_a_new_one() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    fixture.retry(id).await.problem(409, "nothing_failed");
    for kind in [MigrateInstance::KIND, SeedInstance::KIND] {
        let first = fixture.last_job().await;
        assert_eq!(first.kind, kind);
        fixture.finished(&first, JobOutcome::Failed, Some("0002_posts.sql: the disk is full")).await;
        let failed = fixture.get(id).await;
        assert_eq!(failed["reason"], "0002_posts.sql: the disk is full");
        assert_eq!(fixture.host(HOST).await.expect(200)["retry_after"], 30);
        let retried = fixture.retry(id).await.expect(202);
        assert_eq!((&retried["state"], &retried["reason"]), (&failed["state"], &json!(null)));
        fixture.retry(id).await.problem(409, "nothing_failed");
        let second = fixture.last_job().await;
        assert_eq!((second.kind.as_str(), second.job_id != first.job_id), (kind, true));
        fixture.finished(&first, JobOutcome::Failed, Some("late")).await;
        fixture.finished(&second, JobOutcome::Succeeded, None).await;
    }
    assert_eq!(fixture.get(id).await["state"], "active");
}

/// An operator runs the very same job again, in the worker.
#[tokio::test]
async fn a_failed_job_that_succeeds_later_moves_its_instance_on() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    for state in ["seeding", "active"] {
        let job = fixture.last_job().await;
        fixture.finished(&job, JobOutcome::Failed, Some("the disk is full")).await;
        assert_eq!(fixture.get(id).await["reason"], "the disk is full");
        fixture.finished(&job, JobOutcome::Succeeded, None).await;
        let instance = fixture.get(id).await;
        assert_eq!((&instance["state"], &instance["reason"]), (&json!(state), &json!(null)));
        fixture.finished(&job, JobOutcome::Failed, Some("the end of an earlier attempt, told late")).await;
        assert_eq!(fixture.get(id).await, instance);
    }
    assert_eq!(fixture.platform.outbox::<RunJob>().await.len(), 2);
    assert_eq!(fixture.platform.outbox::<FeatureEnabled>().await.len(), 2);
}

#[tokio::test]
async fn jobs_that_nobody_waits_for_change_nothing() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &[]).await;
    let (before, job) = (fixture.get(id).await, fixture.last_job().await);
    let strangers = [
        RunJob { job_id: JobId(fixture.platform.ambient.uuid()), ..job.clone() },
        RunJob { instance_id: None, ..job.clone() },
        RunJob { instance_id: Some(fixture.platform.ambient.uuid().into()), ..job.clone() },
    ];
    for stranger in strangers {
        fixture.finished(&stranger, JobOutcome::Succeeded, None).await;
    }
    let confused = job_finished(&RunJob { kind: SeedInstance::KIND.into(), ..job }, JobOutcome::Succeeded, None);
    let delivery = fixture.delivery(confused);
    let mut tx = fixture.tenant().begin().await.unwrap();
    assert!(matches!(fixture.app.handle(&mut tx, &delivery).await, Err(Fault::Permanent(_))));
    drop(tx);
    assert_eq!(fixture.get(id).await, before);
}
