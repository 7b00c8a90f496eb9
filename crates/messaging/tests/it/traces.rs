//! What can be followed: the log lines of one message, and its trace through whoever takes it.

use crate::world::{QUEUE, Recorder, World, brisk, take_effect, until};
use common::{
    ambient::Ambient,
    db::CrossTenantTx,
    trace::{self, TraceContext},
};
use contracts::messages::MemberJoined;
use messaging::{Consumer, Delivery, Fault, Handle, consumer::Options};
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The span of the line with this message, as JSON.
    fn span_of(&self, message: &str) -> Option<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.rfind(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message))).map(|line| {
            let mut span = line["span"].clone();
            span.as_object_mut().unwrap().remove("sqs_message_id");
            span
        })
    }
}

#[tokio::test]
async fn each_log_line_of_a_message_says_which_one_it_is_about() {
    let (world, log) = (World::start().await, Log::default());
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(lines.with_span_list(false).finish());
    let (fact, step) = (world.fact(), TraceContext::begin(&world.ambient));
    let mut said = world.envelope(Some(fact.tenant_id), &fact);
    said.traceparent = Some(step.to_string());
    let mut unheard = json!(world.said());
    unheard["type"] = json!("anything\nat all");
    world.enqueue(&unheard.to_string()).await;
    world.enqueue(&json!(said).to_string()).await;
    let recorder =
        Recorder::then(|attempt| if attempt == 1 { Err(Fault::retry(anyhow::anyhow!("not yet"))) } else { Ok(()) });
    let consumer = world.consumer(recorder, Options { ..brisk() });
    // On this thread, whose log it is.
    let running = tokio::spawn(consumer.run(CancellationToken::new()));
    until("it takes effect", async || world.effects().await == [said.id]).await;
    running.abort();
    let expected = json!({"name": "message", "message_id": said.id, "type": "auth.member.joined.v1",
        "tenant": fact.tenant_id, "trace_id": step.trace_id()});
    assert_eq!(log.span_of("A message could not be handled; it comes back"), Some(expected));
    let of_unheard = log.span_of("A message can never be handled").unwrap();
    assert_eq!((&of_unheard["type"], of_unheard.get("message_id")), (&json!("unknown"), None));
}

/// Notes the step that it is, and says something itself.
#[derive(Clone, Default)]
struct Following(Arc<Mutex<Vec<TraceContext>>>);

impl Handle<MemberJoined> for Following {
    type Tx = CrossTenantTx;
    const SHARES_COMMIT: bool = true;

    async fn handle(&self, tx: &mut CrossTenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        self.0.lock().unwrap().extend(trace::current());
        messaging::publish(tx, &message.data).await?;
        Ok(take_effect(tx, message).await?)
    }
}

#[tokio::test]
async fn a_handler_is_the_next_step_of_the_trace_that_said_its_message() {
    for messages in [1, 20] {
        let (world, following) = (World::start().await, Following::default());
        let step = TraceContext::begin(&Ambient::system());
        for _ in 0..messages {
            let mut said = world.said();
            said.traceparent = Some(step.to_string());
            world.enqueue(&json!(said).to_string()).await;
        }
        let consumer = Consumer::new(&world.aws, QUEUE, world.db.clone()).on::<MemberJoined, _>(following.clone());
        world.spawn(consumer.options(brisk()).run(CancellationToken::new()));
        until("all take effect", async || world.effects().await.len() == messages).await;
        let seen = following.0.lock().unwrap().clone();
        assert!(seen.len() >= messages);
        assert!(seen.iter().all(|seen| seen.trace_id() == step.trace_id() && *seen != step));
        let said: Vec<String> =
            sqlx::query_scalar("SELECT envelope->>'traceparent' FROM outbox").fetch_all(&world.pool).await.unwrap();
        assert!(said.len() == messages && said.iter().all(|said| said.contains(&step.trace_id())), "{said:?}");
    }
}
