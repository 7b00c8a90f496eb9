//! Rules for the task as a whole: is it one that Fargate runs?

use crate::files::{items, names};
use serde_json::Value;
use std::collections::BTreeSet;

/// CPU units, and the memory in MiB that goes with them: from, to, in steps of.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

pub fn faults(task: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
    must(
        task["family"].as_str().is_some_and(is_name),
        "family must be letters, digits, hyphens and underscores, 255 at most",
    );
    must(items(task, "requiresCompatibilities") == ["FARGATE"], "requiresCompatibilities must be FARGATE");
    must(task["networkMode"] == "awsvpc", "Fargate needs networkMode awsvpc");
    must(task["runtimePlatform"]["cpuArchitecture"] == "ARM64", "our images are for ARM64");
    must(task["runtimePlatform"]["operatingSystemFamily"] == "LINUX", "our images are for LINUX");
    must(is_size(task), "cpu and memory are no pair that Fargate has");
    must(
        ["executionRoleArn", "taskRoleArn"].iter().all(|role| task[role].is_null() || is_role(&task[role])),
        "a role's ARN is malformed",
    );
    must(
        !needs_execution_role(task) || is_role(&task["executionRoleArn"]),
        "secrets, awslogs and images in ECR need an executionRoleArn",
    );
    let containers = items(task, "containerDefinitions");
    // Without saying so a container is essential.
    must(containers.iter().any(|container| container["essential"] != false), "no container is essential");
    must(are_unique(names(task, "containerDefinitions", "name")), "two containers have the same name");
    let ports = || containers.iter().flat_map(|container| items(container, "portMappings"));
    must(are_unique(ports().filter_map(|port| port["name"].as_str())), "two ports have the same name");
    must(
        are_unique(ports().map(|port| (port["containerPort"].as_u64(), port["protocol"].as_str()))),
        "two containers share a port in one network",
    );
    let volumes = names(task, "volumes", "name");
    let mut mounts = containers.iter().flat_map(|container| names(container, "mountPoints", "sourceVolume"));
    must(mounts.all(|mount| volumes.contains(&mount)), "a container mounts a volume that the task has not");
    faults.extend(containers.iter().flat_map(|container| dependency_faults(container, containers)));
    faults
}

/// A name as families and containers have.
pub fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_size(task: &Value) -> bool {
    let number = |key: &str| task[key].as_str().and_then(|text| text.parse::<u32>().ok());
    let (Some(cpu), Some(memory)) = (number("cpu"), number("memory")) else { return false };
    SIZES.iter().any(|(units, from, to, step)| {
        // The smallest size has 512, 1024 and 2048, but not 1536.
        cpu == *units && (*from..=*to).contains(&memory) && (memory - from) % step == 0 && (cpu, memory) != (256, 1536)
    })
}

fn is_role(arn: &Value) -> bool {
    let Some(rest) = arn.as_str().and_then(|arn| arn.strip_prefix("arn:aws:iam::")) else { return false };
    rest.split_once(":role/").is_some_and(|(account, name)| is_account(account) && (1..=64).contains(&name.len()))
}

pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn needs_execution_role(task: &Value) -> bool {
    items(task, "containerDefinitions").iter().any(|container| {
        let in_ecr = container["image"].as_str().is_some_and(|image| image.contains(".dkr.ecr."));
        in_ecr || !items(container, "secrets").is_empty() || container["logConfiguration"]["logDriver"] == "awslogs"
    })
}

fn dependency_faults(container: &Value, containers: &[Value]) -> Vec<String> {
    let name = container["name"].as_str().unwrap_or_default();
    let mut faults = Vec::new();
    for dependency in items(container, "dependsOn") {
        let awaited = containers.iter().find(|container| container["name"] == dependency["containerName"]);
        let condition = dependency["condition"].as_str().unwrap_or_default();
        match (awaited, condition) {
            (None, _) => faults.push(format!("{name} depends on a container that is not there")),
            (Some(awaited), _) if reaches(awaited, name, containers, containers.len()) => {
                faults.push(format!("{name} depends on itself"))
            }
            (Some(awaited), "SUCCESS" | "COMPLETE") if awaited["essential"] != false => {
                faults.push(format!("{name} awaits the end of an essential container, which ends the task"));
            }
            (Some(awaited), "HEALTHY") if awaited["healthCheck"].is_null() => {
                faults.push(format!("{name} awaits the health of a container without healthCheck"))
            }
            (Some(_), "START" | "SUCCESS" | "COMPLETE" | "HEALTHY") => {}
            (Some(_), other) => faults.push(format!("{name} depends on a condition '{other}' that ECS does not know")),
        }
    }
    faults
}

/// Whether `from` is, or depends at most `hops` times removed on, the container called `name`.
fn reaches(from: &Value, name: &str, containers: &[Value], hops: usize) -> bool {
    let next = || {
        names(from, "dependsOn", "containerName")
            .into_iter()
            .filter_map(|next| containers.iter().find(|container| container["name"] == next))
    };
    from["name"] == name || (hops > 0 && next().any(|next| reaches(next, name, containers, hops - 1)))
}

pub fn are_unique<T: Ord>(items: impl IntoIterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}
