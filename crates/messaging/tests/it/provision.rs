//! What provisioning again, and taking down what is not there, changes.

use crate::world::{QUEUE, Recorder, World, until};
use contracts::{messages::TenantCreated, topology::Topic};
use messaging::provision::{provision_for, teardown};
use serde_json::json;

#[tokio::test]
async fn provisioning_again_keeps_messages_and_doubles_nothing() {
    let world = World::start().await;
    let said = world.said();
    world.enqueue(&json!(said).to_string()).await;
    provision_for(&world.aws, &[QUEUE]).await.unwrap();
    let later = world.said();
    assert_eq!(world.aws.publisher().publish_batch(&[(Topic::AuthEvents, later.clone())]).await, [Ok(())]);
    let recorder = Recorder::new();
    world.consume(recorder.clone());
    until("both take effect", async || world.effects().await.len() == 2).await;
    world.until_drained().await;
    assert_eq!(world.effects().await, [said.id, later.id]);
    assert_eq!(recorder.attempts(), 2);
}

#[tokio::test]
async fn a_queue_gets_only_the_types_it_subscribes_to() {
    let world = World::start().await;
    let wanted = world.said();
    let mut unwanted = world.said();
    unwanted.kind = "auth.password.changed".into();
    let mut unhandled = world.said();
    unhandled.kind = <TenantCreated as contracts::messages::Message>::TYPE.into();
    let messages = [unwanted, unhandled, wanted.clone()].map(|envelope| (Topic::AuthEvents, envelope));
    assert_eq!(world.aws.publisher().publish_batch(&messages).await, [Ok(()), Ok(()), Ok(())]);
    world.consume(Recorder::new());
    until("the wanted one takes effect", async || world.effects().await == [wanted.id]).await;
    let (_, reason) = world.dead_letter().await;
    assert_eq!(reason, "no handler takes the type 'auth.tenant.created.v1' here");
    world.until_drained().await;
}

#[tokio::test]
async fn what_sns_cannot_deliver_goes_to_the_dead_letter_queue() {
    let world = World::start().await;
    let topic = world.aws.topic_arn(Topic::AuthEvents);
    let subscriptions = world.aws.sns.list_subscriptions_by_topic().topic_arn(topic).send().await.unwrap();
    let [subscription] = subscriptions.subscriptions() else { panic!("{subscriptions:?}") };
    let ask = world.aws.sns.get_subscription_attributes().subscription_arn(subscription.subscription_arn().unwrap());
    let redrive = ask.send().await.unwrap().attributes.unwrap()["RedrivePolicy"].clone();
    assert!(redrive.ends_with(&format!(":{}\"}}", world.aws.dead_queue_name(QUEUE))), "{redrive}");
}

#[tokio::test]
async fn what_is_gone_can_be_taken_down_again() {
    let world = World::start().await;
    teardown(&world.aws).await.unwrap();
    teardown(&world.aws).await.unwrap();
}
