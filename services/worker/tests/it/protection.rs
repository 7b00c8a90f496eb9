//! Task protection, told to an agent of ECS.

use crate::{
    kinds::{Await, Hang, TestWorker},
    world::World,
};
use axum::{Json, Router, extract::State, routing::put};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use test_support::{config, eventually};
use tokio::net::TcpListener;

type Heard = Arc<Mutex<Vec<Value>>>;

async fn agent() -> (String, Heard) {
    let heard = Heard::default();
    let take = async |State(heard): State<Heard>, Json(state): Json<Value>| {
        let mut heard = heard.lock().unwrap();
        heard.push(state);
        // The first one is refused, under 200.
        if heard.len() == 1 { Json(json!({"failure": {"Reason": "busy"}})) } else { Json(json!({"protection": {}})) }
    };
    let router = Router::new().route("/task-protection/v1/state", put(take)).with_state(heard.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

#[tokio::test]
async fn a_task_is_protected_while_a_long_job_runs() {
    let world = World::start().await;
    let (url, heard) = agent().await;
    let mut variables = world.env();
    variables.insert("ECS_AGENT_URI".into(), url);
    let mut config = config::<TestWorker>(variables);
    config.own.long_job = Duration::from_secs(2);
    let _worker = world.platform.run_with::<TestWorker>(config).await;
    let short = world.order(&Await { file: world.bundles.0.clone() });
    assert_eq!(world.run(&short).await.state, "succeeded");
    assert!(heard.lock().unwrap().is_empty(), "a short job needs none");
    assert_eq!(world.run(&world.order(&Hang {})).await.state, "failed");
    eventually("it is given up", async || {
        (heard.lock().unwrap().last()? == &json!({"ProtectionEnabled": false})).then_some(())
    })
    .await;
    let on = json!({"ProtectionEnabled": true, "ExpiresInMinutes": 10});
    assert_eq!(*heard.lock().unwrap(), [on.clone(), on, json!({"ProtectionEnabled": false})]);
}
