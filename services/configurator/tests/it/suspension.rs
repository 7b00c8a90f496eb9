//! Tenants that are suspended and resumed: their instances, what they can still do, and messages in any order.

use crate::support::{Fixture, HOST, start};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::TenantTx;
use configurator::app::App;
use contracts::{
    id::{InstanceId, MessageId, TenantId},
    messages::{AccountResumed, AccountSuspended, FeatureDisabled, FeatureEnabled, JobOutcome, Message, RunJob},
};
use messaging::{Delivery, Fault, Handle};
use serde_json::{Value, json};
use test_support::background;

/// Takes what billing says of a tenant, in a transaction of the tenant that its envelope names.
async fn take<M: Message>(fixture: &Fixture, named: TenantId, data: M) -> Result<(), Fault>
where
    App: Handle<M, Tx = TenantTx>,
{
    let (id, time) = (MessageId(fixture.platform.ambient.uuid()), fixture.platform.ambient.now());
    let delivery = Delivery { id, source: "/services/billing".into(), time, tenant: Some(named), data };
    let mut tx = background().begin(&fixture.app.db, named).await.expect("a transaction");
    fixture.app.handle(&mut tx, &delivery).await?;
    tx.commit().await.expect("a commit");
    Ok(())
}

/// Suspends Ada's tenant, and gives since when.
pub async fn suspend(fixture: &Fixture, generation: i64) -> DateTime<Utc> {
    let (tenant_id, suspended_at) = (fixture.ada.tenant, fixture.platform.ambient.now());
    let invoice_id = fixture.platform.ambient.uuid();
    let suspended = AccountSuspended { tenant_id, invoice_id, suspended_at, generation };
    take(fixture, tenant_id, suspended).await.expect("the message is taken");
    suspended_at
}

pub async fn resume(fixture: &Fixture, generation: i64) {
    let (tenant_id, resumed_at) = (fixture.ada.tenant, fixture.platform.ambient.now());
    let resumed = AccountResumed { tenant_id, resumed_at, generation };
    take(fixture, tenant_id, resumed).await.expect("the message is taken");
}

async fn assert_state(fixture: &Fixture, id: InstanceId, state: &str) {
    assert_eq!(fixture.get(id).await["state"], state);
}

#[tokio::test]
async fn what_is_in_use_is_suspended_with_its_tenant_and_given_back_with_it() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["polls"]).await;
    let (instance, record) = (fixture.get(id).await, fixture.host(HOST).await.expect(200));
    let since = suspend(&fixture, 1).await;

    let suspended = fixture.get(id).await;
    assert_eq!((&suspended["state"], &suspended["state_since"]), (&json!("suspended"), &json!(since)));
    let listed = fixture.as_ada(fixture.server.get("/v1/instances")).await.expect(200);
    assert_eq!(listed["items"], json!([suspended]));
    let told = fixture.host(HOST).await.expect(200);
    assert_eq!((&told["suspended_since"], told.get("database_url")), (&json!(since), None));
    assert_eq!(told["state"], "active", "as products read it that know of no other state");
    fixture.create("other.forum.localhost", &[]).await.problem(409, "tenant_suspended");

    resume(&fixture, 2).await;
    assert_eq!((fixture.get(id).await, fixture.host(HOST).await.expect(200)), (instance, record));
    fixture.create("other.forum.localhost", &[]).await.expect(202);
}

#[tokio::test]
async fn other_tenants_are_left_alone() {
    let fixture = start().await;
    let bob = fixture.stranger().await;
    let body = json!({"service": "forum", "host": "bob.forum.localhost"});
    fixture.server.post("/v1/instances", &body).bearer(&bob.token).send().await.expect(202);
    suspend(&fixture, 1).await;
    assert_eq!(fixture.host("bob.forum.localhost").await.expect(200).get("suspended_since"), None);
    let another = json!({"service": "forum", "host": "bobs-second.forum.localhost"});
    fixture.server.post("/v1/instances", &another).bearer(&bob.token).send().await.expect(202);

    let (tenant_id, now) = (fixture.ada.tenant, fixture.platform.ambient.now());
    let confused = AccountResumed { tenant_id, resumed_at: now, generation: 2 };
    assert!(matches!(take(&fixture, bob.tenant, confused).await, Err(Fault::Permanent(_))));
    fixture.create("other.forum.localhost", &[]).await.problem(409, "tenant_suspended");
}

#[tokio::test]
async fn the_highest_generation_holds_in_whichever_order_they_come() {
    let fixture = start().await;
    let id = fixture.active(HOST, &[]).await;
    resume(&fixture, 2).await;
    suspend(&fixture, 1).await;
    assert_state(&fixture, id, "active").await;
    let since = suspend(&fixture, 3).await;
    for _ in 0..2 {
        resume(&fixture, 2).await;
        suspend(&fixture, 3).await;
    }
    let suspended = fixture.get(id).await;
    assert_eq!((&suspended["state"], &suspended["state_since"]), (&json!("suspended"), &json!(since)));
    resume(&fixture, 6).await;
    for generation in [3, 5] {
        suspend(&fixture, generation).await;
        assert_state(&fixture, id, "active").await;
    }
}

#[tokio::test]
async fn the_setup_form_waits_until_the_tenant_is_resumed() {
    let fixture = start().await;
    let id = fixture.awaiting_setup(HOST, &["polls"]).await;
    let form = json!({"setup_code": fixture.get(id).await["setup_code"], "settings": {"title": "Acme"}});
    suspend(&fixture, 1).await;
    fixture.submit(HOST, &form).await.problem(409, "tenant_suspended");
    assert!(fixture.host(HOST).await.expect(200)["suspended_since"].is_string());
    assert_state(&fixture, id, "awaiting_setup").await;
    assert!(fixture.platform.outbox::<RunJob>().await.is_empty());
    resume(&fixture, 2).await;
    fixture.submit(HOST, &form).await.expect(202);
}

/// Its features count from then on, as any that are enabled.
#[tokio::test]
async fn what_is_under_way_goes_on_and_is_suspended_once_it_is_there() {
    let fixture = start().await;
    let id = fixture.migrating(HOST, &["polls"]).await;
    suspend(&fixture, 1).await;
    for state in ["seeding", "suspended"] {
        let job = fixture.last_job().await;
        fixture.finished(&job, JobOutcome::Succeeded, None).await;
        assert_state(&fixture, id, state).await;
        assert_eq!(fixture.host(HOST).await.expect(200).get("database_url"), None);
    }
    let enabled = fixture.platform.outbox::<FeatureEnabled>().await;
    assert_eq!(fixture.get(id).await["state_since"], json!(enabled[0].effective_at));
    resume(&fixture, 2).await;
    assert_state(&fixture, id, "active").await;
    assert!(fixture.host(HOST).await.expect(200)["database_url"].is_string());
}

#[tokio::test]
async fn whoever_is_suspended_can_still_give_up_modules_and_what_is_unfinished() {
    let fixture = start().await;
    let id = fixture.active(HOST, &["polls"]).await;
    let unfinished = fixture.awaiting_setup("other.forum.localhost", &[]).await;
    suspend(&fixture, 1).await;
    let path = format!("/v1/instances/{id}/modules/polls");
    let removed = fixture.as_ada(fixture.server.delete(&path)).await.expect(200);
    assert_eq!((&removed["state"], &removed["modules"]), (&json!("suspended"), &json!([])));
    assert_eq!(fixture.platform.outbox::<FeatureDisabled>().await[0].feature, "forum.polls");
    assert_eq!(fixture.cancel(unfinished).await.expect(202)["state"], "deleting");
    fixture.cancel(id).await.problem(409, "instance_active");
}

/// As long as its tenant may still pay.
#[tokio::test]
async fn what_is_unfinished_rests_with_its_tenant_for_90_days() {
    let fixture = start().await;
    let id = fixture.awaiting_setup(HOST, &[]).await;
    let since = suspend(&fixture, 1).await;
    fixture.tamper("UPDATE instances SET state_since = state_since - interval '30 days' WHERE id = $1", id).await;
    assert_eq!(fixture.get(id).await["expires_at"], json!(since + TimeDelta::days(90)));
    assert_eq!(fixture.pass().await, 0);
    let long_ago = "UPDATE tenant_suspensions s SET suspended_since = s.suspended_since - interval '90 days'
                    FROM instances i WHERE i.id = $1 AND i.tenant_id = s.tenant_id";
    fixture.tamper(long_ago, id).await;
    assert_eq!(fixture.pass().await, 1);
    assert_state(&fixture, id, "deleting").await;
}

/// Nobody could go on with it meanwhile.
#[tokio::test]
async fn nothing_expires_while_its_tenant_is_suspended_and_then_its_time_begins_anew() {
    let fixture = start().await;
    let id = fixture.awaiting_setup(HOST, &[]).await;
    suspend(&fixture, 1).await;
    let stale = "UPDATE instances SET state_since = state_since - interval '30 days' WHERE id = $1";
    fixture.tamper(stale, id).await;
    assert_eq!(fixture.pass().await, 0);
    resume(&fixture, 2).await;
    let expires: DateTime<Utc> =
        fixture.get(id).await["expires_at"].as_str().and_then(|text| text.parse().ok()).expect("an instant");
    assert!(expires > fixture.platform.ambient.now() + fixture.app.expiry / 2);
    assert_eq!(fixture.pass().await, 0);
    let long_ago = "UPDATE tenant_suspensions s SET heard_at = s.heard_at - interval '30 days' FROM instances i
                    WHERE i.id = $1 AND i.tenant_id = s.tenant_id";
    fixture.tamper(long_ago, id).await;
    assert_eq!(fixture.pass().await, 1);
    assert_state(&fixture, id, "deleting").await;
}

/// What is told to billing stays as it is: whether a suspended tenant pays for features is not ours to say.
#[tokio::test]
async fn suspension_is_no_change_of_features() {
    let fixture = start().await;
    fixture.active(HOST, &["polls"]).await;
    let in_use = async || {
        let request = fixture.server.get("/internal/active-features");
        request.bearer(&fixture.platform.client_token("billing")).send().await.expect(200)
    };
    let before: Value = in_use().await;
    suspend(&fixture, 1).await;
    assert_eq!(in_use().await, before);
    let (enabled, disabled) =
        (fixture.platform.outbox::<FeatureEnabled>().await, fixture.platform.outbox::<FeatureDisabled>().await);
    assert_eq!((enabled.len(), disabled.len()), (2, 0));
}
