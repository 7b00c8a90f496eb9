//! Calls of the ECS API on the emulator. Can our files be registered, and does ECS then hold what we wrote?

use crate::files;
use serde_json::{Value, json};
use std::env;

/// Calls an action of the ECS API; the emulator looks at the account and the region of the signature, not at the
/// signature.
async fn call(action: &str, body: &Value) -> (u16, Value) {
    let variable =
        |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `cargo xtask test` sets it"));
    let scope = format!("{}/20260101/{}/ecs/aws4_request", variable("AWS_ACCESS_KEY_ID"), variable("AWS_REGION"));
    let request = reqwest::Client::new()
        .post(variable("AWS_ENDPOINT_URL"))
        .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{action}"))
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-target, Signature=none"),
        )
        .body(body.to_string());
    let answer = request.send().await.expect("the emulator cannot be reached");
    (answer.status().as_u16(), answer.json().await.expect("an answer of ECS is JSON"))
}

/// Whether `actual` has everything that `expected` has; ECS adds members of its own.
fn holds(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| actual.get(name).is_some_and(|actual| holds(actual, expected)))
        }
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual.iter().zip(expected).all(|(actual, expected)| holds(actual, expected))
        }
        _ => actual == expected,
    }
}

#[tokio::test]
async fn every_task_definition_can_be_registered_and_read_back() {
    for (name, definition) in files::task_definitions() {
        let (status, registered) = call("RegisterTaskDefinition", &definition).await;
        assert_eq!(status, 200, "{name}: {registered}");
        let arn = json!({"taskDefinition": registered["taskDefinition"]["taskDefinitionArn"]});
        assert!(arn["taskDefinition"].is_string(), "{name}: {registered}");

        let (status, described) = call("DescribeTaskDefinition", &arn).await;
        assert_eq!((status, &described["taskDefinition"]["status"]), (200, &json!("ACTIVE")), "{name}: {described}");
        assert!(holds(&described["taskDefinition"], &definition), "{name}: {described}");

        let (status, answer) = call("DeregisterTaskDefinition", &arn).await;
        assert_eq!((status, &answer["taskDefinition"]["status"]), (200, &json!("INACTIVE")), "{name}: {answer}");
        let (status, answer) =
            call("DeleteTaskDefinitions", &json!({"taskDefinitions": [arn["taskDefinition"]]})).await;
        assert_eq!((status, &answer["failures"]), (200, &json!([])), "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_definition_without_containers_is_refused() {
    let (status, answer) =
        call("RegisterTaskDefinition", &json!({"family": "sevenleague-empty", "containerDefinitions": []})).await;
    assert_eq!(status, 400, "{answer}");
}

#[test]
fn a_value_that_got_lost_is_noticed() {
    let written = json!({"a": [{"b": 1}]});
    assert!(holds(&json!({"a": [{"b": 1, "c": 2}], "d": 3}), &written));
    for read in [json!({"a": [{"b": 2}]}), json!({"a": []}), json!({"a": [{"b": 1}, {"b": 1}]}), json!({})] {
        assert!(!holds(&read, &written), "{read}");
    }
}
