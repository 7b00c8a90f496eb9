//! Changes of an instance's features are counted: whoever listens can tell that one is missing.

use crate::support::{Fixture, HOST, manifest, start};
use contracts::{
    id::InstanceId,
    messages::{FeatureDisabled, FeatureEnabled, JobOutcome, Message},
};
use futures_util::future::join_all;
use messaging::Handle;
use serde_json::json;
use sqlx::FromRow;
use test_support::eventually;

#[derive(Debug, FromRow)]
struct Change {
    kind: String,
    feature: String,
    generation: Option<i64>,
    version: Option<String>,
}

/// What was told of the instance's features, in the order of their numbers.
async fn told(fixture: &Fixture, id: InstanceId) -> Vec<Change> {
    sqlx::query_as(
        "SELECT envelope->>'type' AS kind, envelope->'data'->>'feature' AS feature,
                (envelope->'data'->>'generation')::bigint AS generation, envelope->'data'->>'version' AS version
         FROM outbox WHERE envelope->>'type' IN ($1, $2) AND envelope->'data'->>'instance_id' = $3 ORDER BY generation",
    )
    .bind(FeatureEnabled::TYPE)
    .bind(FeatureDisabled::TYPE)
    .bind(id.to_string())
    .fetch_all(&fixture.platform.pool)
    .await
    .expect("reading the outbox")
}

/// Asserts that the numbers are 1, 2, 3 …, and gives how many there are.
fn gapless(told: &[Change]) -> usize {
    let numbers: Vec<_> = told.iter().map(|change| change.generation).collect();
    assert_eq!(numbers, (1..=told.len()).map(|number| i64::try_from(number).ok()).collect::<Vec<_>>(), "{told:?}");
    told.len()
}

async fn remove(fixture: &Fixture, id: InstanceId, module: &str) -> u16 {
    fixture.as_ada(fixture.server.delete(&format!("/v1/instances/{id}/modules/{module}"))).await.status
}

#[tokio::test]
async fn every_change_takes_the_next_number_and_what_is_repeated_takes_none() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["charts", "polls"]).await;
    assert!(told(&fixture, id).await.is_empty());
    for _ in 0..2 {
        let job = fixture.last_job().await;
        for _ in 0..3 {
            fixture.finished(&job, JobOutcome::Succeeded, None).await;
        }
    }
    assert_eq!((told(&fixture, id).await.len(), remove(&fixture, id, "polls").await), (3, 409));
    for (module, statuses) in [("charts", [200, 404]), ("polls", [200, 404])] {
        assert_eq!([remove(&fixture, id, module).await, remove(&fixture, id, module).await], statuses);
    }
    let told = told(&fixture, id).await;
    assert_eq!(gapless(&told), 5);
    let (enabled, disabled) = told.split_at(3);
    assert!(enabled.iter().all(|change| change.kind == FeatureEnabled::TYPE) && enabled[0].feature == "forum");
    let disabled: Vec<_> = disabled.iter().map(|change| (change.kind.as_str(), change.feature.as_str())).collect();
    assert_eq!(disabled, [(FeatureDisabled::TYPE, "forum.charts"), (FeatureDisabled::TYPE, "forum.polls")]);
    assert!(told.iter().all(|change| change.version.as_deref() == Some("1.0.0")), "{told:?}");
}

/// Whoever looks while it happens never sees a number before the one below it.
#[tokio::test]
async fn changes_at_the_same_time_are_counted_in_the_order_of_their_commits() {
    let fixture = start().await;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut many = manifest("1.1.0");
    many["modules"] = names.iter().map(|name| json!({"name": name, "title": name, "price_per_hour": "0.01"})).collect();
    fixture.publish(&many).await.expect(201);
    let (one, other) = (fixture.active(HOST, &names).await, fixture.active("other.forum.localhost", &["a", "b"]).await);
    let removals = join_all(names.iter().flat_map(|name| [one, one, one, other].map(|id| remove(&fixture, id, name))));
    let watched = eventually("every removal is told", async || {
        (gapless(&told(&fixture, one).await) == 2 * names.len() + 1).then_some(())
    });
    let (statuses, ()) = tokio::join!(removals, watched);
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), names.len() + 2);
    assert_eq!(gapless(&told(&fixture, other).await), 5);
}

#[tokio::test]
async fn what_is_rolled_back_gives_its_numbers_back() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    fixture.finished(&fixture.last_job().await, JobOutcome::Succeeded, None).await;
    let seed = fixture.last_job().await;
    let delivery = fixture.delivery(crate::support::job_finished(&seed, JobOutcome::Succeeded, None));
    let mut tx = fixture.tenant().begin().await.expect("a transaction");
    fixture.app.handle(&mut tx, &delivery).await.expect("the message is taken");
    tx.rollback().await.expect("a rollback");
    assert!(told(&fixture, id).await.is_empty());
    fixture.finished(&seed, JobOutcome::Succeeded, None).await;
    assert_eq!(gapless(&told(&fixture, id).await), 2);
}

/// As while a deploy is under way: the version before made the instance active and removes a module, and counts
/// neither.
#[tokio::test]
async fn what_an_older_configurator_does_takes_no_number() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["charts", "polls"]).await;
    fixture.tamper("UPDATE instances SET feature_generation = 0 WHERE id = $1", id).await;
    sqlx::query("DELETE FROM outbox").execute(&fixture.platform.pool).await.expect("a statement");
    let older = "UPDATE instance_modules SET removed_at = now() WHERE instance_id = $1 AND module = 'charts'";
    fixture.tamper(older, id).await;
    assert_eq!(remove(&fixture, id, "polls").await, 200);
    assert_eq!(gapless(&told(&fixture, id).await), 1);
}
