//! Does each rule refuse what it is there to refuse? A check that cannot fail proves nothing.

use super::faults;
use crate::files;
use serde_json::{Value, json};

/// What `change` makes wrong with a sound task definition.
fn after(name: &str, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut definition = files::task_definition(name);
    change(&mut definition);
    faults(&definition)
}

/// Sets one member of the task definition of a service.
#[track_caller]
fn assert_refused(pointer: &str, value: Value, fault: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let found = after("billing", |definition| {
        definition.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[key] = value.clone()
    });
    assert!(found.len() == 1 && found[0].contains(fault), "{pointer} = {value}: {found:?}");
}

/// The same in its container.
#[track_caller]
fn assert_container_refused(pointer: &str, value: Value, fault: &str) {
    assert_refused(&format!("/containerDefinitions/0{pointer}"), value, fault);
}

#[test]
fn unknown_members_and_wrong_types() {
    assert_refused("/networkmode", json!("awsvpc"), ".networkmode is unknown");
    assert_refused("/ipcMode", json!("task"), ".ipcMode is unknown, or not for Fargate");
    assert_refused("/memory", json!(512), ".memory has the wrong type");
    assert_container_refused("/privileged", json!(true), "[0].privileged is unknown, or not for Fargate");
    assert_container_refused("/healthCheck/startperiod", json!(30), ".healthCheck.startperiod is unknown");
    assert_container_refused(
        "/environment",
        json!([{"name": "X", "value": 1}]),
        ".environment[0].value has the wrong type",
    );
    assert_container_refused(
        "/linuxParameters/tmpfs",
        json!([]),
        ".linuxParameters.tmpfs is unknown, or not for Fargate",
    );
    assert_container_refused(
        "/logConfiguration/options",
        json!({"mode": true}),
        ".logConfiguration.options.mode has the wrong type",
    );
}

#[test]
fn tasks_that_fargate_does_not_run() {
    assert_refused("/family", json!("seven league"), "family must be");
    assert_refused("/requiresCompatibilities", json!(["EC2"]), "must be FARGATE");
    assert_refused("/networkMode", json!("bridge"), "needs networkMode awsvpc");
    assert_refused("/runtimePlatform/cpuArchitecture", json!("X86_64"), "for ARM64");
    for (cpu, memory) in
        [("256", "1536"), ("256", "4096"), ("512", "512"), ("1024", "2500"), ("300", "512"), (".25 vCPU", "512")]
    {
        let found =
            after("billing", |definition| (definition["cpu"], definition["memory"]) = (json!(cpu), json!(memory)));
        assert_eq!(found, ["cpu and memory are no pair that Fargate has"], "{cpu} {memory}");
    }
    for (cpu, memory) in [("256", "2048"), ("1024", "8192"), ("4096", "30720"), ("16384", "122880")] {
        assert_eq!(
            after("billing", |definition| (definition["cpu"], definition["memory"]) = (json!(cpu), json!(memory))),
            [""; 0],
            "{cpu} {memory}"
        );
    }
    assert_refused("/executionRoleArn", Value::Null, "has the wrong type");
    let found = after("billing", |definition| drop(definition.as_object_mut().unwrap().remove("executionRoleArn")));
    assert_eq!(found, ["secrets, awslogs and images in ECR need an executionRoleArn"]);
    assert_refused("/taskRoleArn", json!("arn:aws:iam::account:role/billing"), "a role's ARN is malformed");
}

#[test]
fn containers_that_cannot_live_together() {
    assert_container_refused("/essential", json!(false), "no container is essential");
    assert_container_refused("/portMappings/1/name", json!("billing"), "two ports have the same name");
    assert_container_refused("/portMappings/1/containerPort", json!(8003), "two containers share a port");
    let twice = after("migrate", |definition| definition["containerDefinitions"][1]["name"] = json!("auth"));
    assert!(twice.contains(&"two containers have the same name".to_owned()), "{twice:?}");
}

#[test]
fn dependencies_that_never_come_true() {
    let depend = |container: usize, on: &str, condition: &str| {
        after("migrate", |definition| {
            definition["containerDefinitions"][container]["dependsOn"] =
                json!([{"containerName": on, "condition": condition}])
        })
    };
    assert_eq!(depend(1, "auth", "SUCCESS"), [""; 0]);
    assert_eq!(depend(1, "nobody", "SUCCESS"), ["permission depends on a container that is not there"]);
    assert_eq!(depend(1, "auth", "DONE"), ["permission depends on a condition 'DONE' that ECS does not know"]);
    assert_eq!(depend(1, "auth", "HEALTHY"), ["permission awaits the health of a container without healthCheck"]);
    assert!(depend(0, "worker", "SUCCESS").contains(&"auth depends on itself".to_owned()));
    assert_eq!(
        after("migrate", |definition| definition["containerDefinitions"][0]["essential"] = json!(true)),
        ["worker awaits the end of an essential container, which ends the task"]
    );
}

#[test]
fn containers_beyond_limits() {
    assert_container_refused(
        "/image",
        json!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/sevenleague:latest"),
        "image must have",
    );
    assert_container_refused("/image", json!("sevenleague"), "image must have");
    assert_container_refused(
        "/image",
        json!("<account>.dkr.ecr.eu-central-1.amazonaws.com/sevenleague:1"),
        "image must have",
    );
    assert_container_refused("/stopTimeout", json!(121), "stopTimeout must be 2 to 120 s");
    assert_container_refused("/startTimeout", json!(1), "startTimeout must be 2 to 120 s");
    for (limit, value) in [
        ("interval", 4),
        ("interval", 301),
        ("timeout", 1),
        ("timeout", 61),
        ("retries", 0),
        ("retries", 11),
        ("startPeriod", 301),
    ] {
        assert_container_refused(
            &format!("/healthCheck/{limit}"),
            json!(value),
            &format!("healthCheck.{limit} must be"),
        );
    }
    assert_container_refused("/healthCheck/command", json!(["CMD-SHELL", "curl localhost"]), "there is no shell");
    assert_container_refused("/portMappings/0/hostPort", json!(80), "a port mapping has");
    assert_container_refused("/portMappings/0/protocol", json!("http"), "a port mapping has");
    assert_container_refused("/portMappings/0/appProtocol", json!("https"), "a port mapping has");
    assert_container_refused("/portMappings/0/name", json!("Billing"), "a port's name must be");
}

#[test]
fn variables_and_secrets_that_do_not_arrive() {
    let environment =
        json!([{"name": "AWS_REGION", "value": "eu-central-1"}, {"name": "AWS_REGION", "value": "eu-west-1"}]);
    assert_container_refused("/environment", environment, "a variable is set twice");
    let found = after("billing", |definition| {
        let secret = definition["containerDefinitions"][0]["secrets"][0].clone();
        definition["containerDefinitions"][0]["secrets"].as_array_mut().unwrap().push(secret);
    });
    assert_eq!(found, ["billing: a variable is set twice"]);
    assert_container_refused("/environment", json!([{"name": "AWS_REGION"}]), "a variable has no value");
    for arn in [
        "sevenleague/billing:DATABASE_URL::",
        "arn:aws:secretsmanager:eu-central-1:1:secret:sevenleague/billing:DATABASE_URL::",
        "arn:aws:secretsmanager:frankfurt:111122223333:secret:sevenleague/billing:DATABASE_URL::",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:sevenleague/billing",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:sevenleague/billing:REDIS_URL::",
    ] {
        assert_container_refused(
            "/secrets",
            json!([{"name": "DATABASE_URL", "valueFrom": arn}]),
            "a secret's ARN is malformed",
        );
    }
}

#[test]
fn logs_that_get_lost_or_get_in_the_way() {
    assert_container_refused("/logConfiguration/logDriver", json!("json-file"), "logDriver must be awslogs");
    for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
        assert_container_refused(&format!("/logConfiguration/options/{option}"), json!(""), &format!("no {option}"));
    }
    assert_container_refused("/logConfiguration/options/awslogs-groups", json!("x"), "no option awslogs-groups");
    assert_container_refused("/logConfiguration/options/mode", json!("blocking"), "must be non-blocking");
    assert_container_refused(
        "/logConfiguration/options/max-buffer-size",
        json!("lots"),
        "must be non-blocking, with a max-buffer-size",
    );
}

#[test]
fn containers_that_could_do_too_much() {
    for user in ["0", "root", "65532:0", "nonroot"] {
        assert_container_refused("/user", json!(user), "user must be numeric and not root");
    }
    assert_container_refused("/readonlyRootFilesystem", json!(false), "must be read-only");
    assert_container_refused(
        "/linuxParameters/capabilities",
        json!({"drop": ["NET_RAW"]}),
        "must drop ALL capabilities",
    );
    assert_container_refused("/linuxParameters/capabilities/add", json!(["SYS_PTRACE"]), "and add none");
    assert_container_refused("/linuxParameters/initProcessEnabled", json!(false), "needs an init process");
    assert_container_refused(
        "/environment",
        json!([{"name": "KEY_ENCRYPTION_KEY", "value": "AAAA"}]),
        "a secret is in its environment",
    );
    assert_container_refused(
        "/environment",
        json!([{"name": "AUTH_URL", "value": "http://a:b@auth:8001"}]),
        "a URL with a password",
    );
}
