//! Each rule refuses what it is there to refuse: a check that cannot fail proves nothing.

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
fn assert_refused(pointer: &str, value: &Value, fault: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let found = after("billing", |definition| {
        definition.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[key] = value.clone()
    });
    assert!(found.len() == 1 && found[0].contains(fault), "{pointer} = {value}: {found:?}");
}

#[test]
fn tasks_that_ecs_refuses_or_fargate_does_not_run() {
    for (pointer, value, fault) in [
        ("/networkmode", json!("awsvpc"), ".networkmode is unknown"),
        ("/ipcMode", json!("task"), ".ipcMode is unknown, or not for Fargate"),
        ("/memory", json!(512), ".memory has the wrong type"),
        ("/family", json!("seven league"), "family must be"),
        ("/requiresCompatibilities", json!(["EC2"]), "must be FARGATE"),
        ("/networkMode", json!("bridge"), "needs networkMode awsvpc"),
        ("/runtimePlatform/cpuArchitecture", json!("X86_64"), "for ARM64"),
        ("/executionRoleArn", Value::Null, "has the wrong type"),
        ("/taskRoleArn", json!("arn:aws:iam::account:role/billing"), "a role's ARN is malformed"),
    ] {
        assert_refused(pointer, &value, fault);
    }
    let found = after("pdf-worker", |definition| definition["volumes"] = json!([]));
    assert_eq!(found, ["a container mounts a volume that the task has not"]);
    let found = after("billing", |definition| drop(definition.as_object_mut().unwrap().remove("executionRoleArn")));
    assert_eq!(found, ["secrets, awslogs and images in ECR need an executionRoleArn"]);
}

#[test]
fn sizes_that_fargate_has_and_has_not() {
    let sized = |cpu: &str, memory: &str| {
        after("billing", |definition| (definition["cpu"], definition["memory"]) = (json!(cpu), json!(memory)))
    };
    for (cpu, memory) in
        [("256", "1536"), ("256", "4096"), ("512", "512"), ("1024", "2500"), ("300", "512"), (".25 vCPU", "512")]
    {
        assert_eq!(sized(cpu, memory), ["cpu and memory are no pair that Fargate has"], "{cpu} {memory}");
    }
    for (cpu, memory) in [("256", "2048"), ("1024", "8192"), ("4096", "30720"), ("16384", "122880")] {
        assert_eq!(sized(cpu, memory), [""; 0], "{cpu} {memory}");
    }
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
    let twice = after("migrate", |definition| definition["containerDefinitions"][1]["name"] = json!("auth"));
    assert!(twice.contains(&"two containers have the same name".to_owned()), "{twice:?}");
}

#[test]
fn containers_that_ecs_refuses_or_that_could_do_too_much() {
    let secret = |arn: &str| json!([{"name": "DATABASE_URL", "valueFrom": arn}]);
    let variable = |name: &str, value: &str| json!({"name": name, "value": value});
    for (pointer, value, fault) in [
        ("/privileged", json!(true), "[0].privileged is unknown, or not for Fargate"),
        ("/healthCheck/startperiod", json!(30), ".healthCheck.startperiod is unknown"),
        ("/environment", json!([{"name": "X", "value": 1}]), ".environment[0].value has the wrong type"),
        ("/linuxParameters/tmpfs", json!([]), ".linuxParameters.tmpfs is unknown, or not for Fargate"),
        ("/logConfiguration/options", json!({"mode": true}), ".logConfiguration.options.mode has the wrong type"),
        ("/essential", json!(false), "no container is essential"),
        ("/portMappings/1/name", json!("billing"), "two ports have the same name"),
        ("/portMappings/1/containerPort", json!(8003), "two containers share a port"),
        ("/image", json!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/sevenleague:latest"), "image must have"),
        ("/image", json!("sevenleague"), "image must have"),
        ("/image", json!("<account>.dkr.ecr.eu-central-1.amazonaws.com/sevenleague:1"), "image must have"),
        ("/stopTimeout", json!(121), "stopTimeout must be 2 to 120 s"),
        ("/startTimeout", json!(1), "startTimeout must be 2 to 120 s"),
        ("/healthCheck/interval", json!(4), "healthCheck.interval must be"),
        ("/healthCheck/interval", json!(301), "healthCheck.interval must be"),
        ("/healthCheck/timeout", json!(1), "healthCheck.timeout must be"),
        ("/healthCheck/timeout", json!(61), "healthCheck.timeout must be"),
        ("/healthCheck/retries", json!(0), "healthCheck.retries must be"),
        ("/healthCheck/retries", json!(11), "healthCheck.retries must be"),
        ("/healthCheck/startPeriod", json!(301), "healthCheck.startPeriod must be"),
        ("/healthCheck/command", json!(["CMD-SHELL", "curl localhost"]), "there is no shell"),
        ("/portMappings/0/hostPort", json!(80), "a port mapping has"),
        ("/portMappings/0/protocol", json!("http"), "a port mapping has"),
        ("/portMappings/0/appProtocol", json!("https"), "a port mapping has"),
        ("/portMappings/0/name", json!("Billing"), "a port's name must be"),
        ("/environment", json!([variable("AWS_REGION", "a"), variable("AWS_REGION", "b")]), "a variable is set twice"),
        ("/environment", json!([{"name": "AWS_REGION"}]), "a variable has no value"),
        ("/secrets", secret("sevenleague/billing:DATABASE_URL::"), "a secret's ARN is malformed"),
        (
            "/secrets",
            secret("arn:aws:secretsmanager:eu-central-1:1:secret:sevenleague/billing:DATABASE_URL::"),
            "a secret's ARN is malformed",
        ),
        (
            "/secrets",
            secret("arn:aws:secretsmanager:frankfurt:111122223333:secret:sevenleague/billing:DATABASE_URL::"),
            "a secret's ARN is malformed",
        ),
        (
            "/secrets",
            secret("arn:aws:secretsmanager:eu-central-1:111122223333:secret:sevenleague/billing"),
            "a secret's ARN is malformed",
        ),
        (
            "/secrets",
            secret("arn:aws:secretsmanager:eu-central-1:111122223333:secret:sevenleague/billing:REDIS_URL::"),
            "a secret's ARN is malformed",
        ),
        ("/logConfiguration/logDriver", json!("json-file"), "logDriver must be awslogs"),
        ("/logConfiguration/options/awslogs-group", json!(""), "no awslogs-group"),
        ("/logConfiguration/options/awslogs-region", json!(""), "no awslogs-region"),
        ("/logConfiguration/options/awslogs-stream-prefix", json!(""), "no awslogs-stream-prefix"),
        ("/logConfiguration/options/awslogs-groups", json!("x"), "no option awslogs-groups"),
        ("/logConfiguration/options/mode", json!("blocking"), "must be non-blocking"),
        ("/logConfiguration/options/max-buffer-size", json!("lots"), "must be non-blocking, with a max-buffer-size"),
        ("/user", json!("0"), "user must be numeric and not root"),
        ("/user", json!("root"), "user must be numeric and not root"),
        ("/user", json!("65532:0"), "user must be numeric and not root"),
        ("/user", json!("nonroot"), "user must be numeric and not root"),
        ("/readonlyRootFilesystem", json!(false), "must be read-only"),
        ("/linuxParameters/capabilities", json!({"drop": ["NET_RAW"]}), "must drop ALL capabilities"),
        ("/linuxParameters/capabilities/add", json!(["SYS_PTRACE"]), "and add none"),
        ("/linuxParameters/initProcessEnabled", json!(false), "needs an init process"),
        ("/environment", json!([variable("KEY_ENCRYPTION_KEY", "AAAA")]), "a secret is in its environment"),
        ("/environment", json!([variable("AUTH_URL", "http://a:b@auth:8001")]), "a URL with a password"),
    ] {
        assert_refused(&format!("/containerDefinitions/0{pointer}"), &value, fault);
    }
    let found = after("pdf-worker", |definition| {
        definition["containerDefinitions"][0]["linuxParameters"]["initProcessEnabled"] = json!(true);
    });
    assert_eq!(found, ["pdf-worker: its init process would show its secrets to the commands"]);
    let found = after("billing", |definition| {
        let secret = definition["containerDefinitions"][0]["secrets"][0].clone();
        definition["containerDefinitions"][0]["secrets"].as_array_mut().unwrap().push(secret);
    });
    assert_eq!(found, ["billing: a variable is set twice"]);
}
