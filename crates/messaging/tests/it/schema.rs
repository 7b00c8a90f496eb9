//! What does not fit its schema: it is never committed, never handled, and holds up nothing.

use crate::world::{QUEUE, Recorder, World, brisk, until};
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use chrono::TimeDelta;
use common::{db::CrossTenantTx, problem::Problem};
use contracts::{
    envelope::Envelope,
    id::{TenantId, UserId},
    mails::{Mail, Notice},
    messages::{Message, SendMail, TenantCreated, TenantKind},
};
use messaging::{Consumer, Delivery, Fault, Handle, OutboxError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn mail(key: &str) -> SendMail {
    SendMail { key: key.into(), recipient: "ada@acme.test".into(), mail: Notice::sample().into(), expires_at: None }
}

fn created(world: &World, name: String) -> TenantCreated {
    let (tenant_id, owner_user_id) = (TenantId(world.ambient.uuid()), UserId(world.ambient.uuid()));
    TenantCreated { tenant_id, name, kind: TenantKind::Customer, owner_user_id, owner_email: "ada@acme.test".into() }
}

async fn refused(world: &World, data: &impl Message) -> (String, u16) {
    let error = messaging::publish(&mut world.begin().await, data).await.unwrap_err();
    let OutboxError::Unfit(misfit) = &error else { panic!("{error}") };
    (misfit.to_string(), Problem::from(error).status.as_u16())
}

#[tokio::test]
async fn what_is_unfit_is_refused_before_the_commit() {
    let world = World::start().await;
    assert_eq!(refused(&world, &mail(&"k".repeat(201))).await, ("/key: maxLength".into(), 500));
    assert_eq!(
        refused(&world, &created(&world, "Ac\0me".into())).await,
        ("/name: holds U+0000, which no database keeps".into(), 500)
    );
    let (reason, status) = refused(&world, &created(&world, "x".repeat(1 << 20))).await;
    assert!(reason.ends_with("bytes, more than 250000") && status == 500, "{reason}");
    let mut tx = world.begin().await;
    messaging::publish(&mut tx, &created(&world, "x".repeat(249_000))).await.unwrap();
}

#[tokio::test]
async fn an_edited_payload_is_buried_with_the_place_and_the_next_flows_on() {
    let world = World::start().await;
    let sound = world.said();
    world.consume(Recorder::new());
    for (user, expected) in [
        (json!("not one"), "/user_id: format"),
        (json!("x".repeat(1_040_000)), "/user_id: format"),
        (json!("\0"), "/user_id: holds U+0000, which no database keeps"),
        (Value::Null, "/user_id: type"),
    ] {
        let mut edited = json!(world.said());
        edited["data"]["user_id"] = user;
        world.enqueue(&edited.to_string()).await;
        let (body, reason) = world.dead_letter().await;
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), edited);
        assert_eq!(reason, format!("the data of auth.member.joined.v1 do not fit its schema: {expected}"));
    }
    world.enqueue(&json!(sound).to_string()).await;
    until("the next takes effect", async || world.effects().await == [sound.id]).await;
    world.until_drained().await;
}

struct Mailer;

impl Handle<SendMail> for Mailer {
    type Tx = CrossTenantTx;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<SendMail>) -> Result<(), Fault> {
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(message.id.0).execute(&mut **tx).await?;
        Ok(())
    }
}

/// While a deploy is under way, a new publisher's mail reaches an old mailer.
#[tokio::test]
async fn a_mail_that_only_a_newer_mailer_knows_waits_for_it_for_a_day() {
    let world = World::start().await;
    let newer = |age: TimeDelta| {
        let envelope = world.envelope(None, &mail("k"));
        let mut newer = Envelope { time: world.ambient.now() - age, ..envelope };
        newer.data["template"] = json!("birthday");
        json!(newer).to_string()
    };
    world.enqueue(&newer(TimeDelta::hours(1))).await;
    let late = newer(TimeDelta::hours(25));
    world.enqueue(&late).await;
    let sound = world.envelope(None, &mail("k"));
    world.enqueue(&json!(sound).to_string()).await;
    let consumer = Consumer::new(&world.aws, QUEUE, world.db.clone()).on::<SendMail, _>(Mailer).options(brisk());
    world.spawn(consumer.run(CancellationToken::new()));
    let (body, reason) = world.dead_letter().await;
    assert_eq!(body, late);
    assert_eq!(reason, "the data of mail.send.v1 do not fit its schema: /template: a variant that is not known here");
    until("the next takes effect", async || world.effects().await == [sound.id]).await;
    assert!(world.next_dead_letter(1).await.is_none());
    let url = world.queue_url().await;
    until("it waits in its queue", async || {
        world.attribute(&url, ApproximateNumberOfMessages).await != "0"
            || world.attribute(&url, ApproximateNumberOfMessagesNotVisible).await != "0"
    })
    .await;
}
