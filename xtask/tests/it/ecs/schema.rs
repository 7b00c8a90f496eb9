//! The members that ECS knows, and their types. It refuses a call with any other.

use serde_json::Value;

/// The type of a value.
enum Shape {
    Text,
    Number,
    Flag,
    /// Names to texts.
    Map,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}
use Shape::{Flag, List, Map, Number, Object, Text};

const TEXTS: Shape = List(&Text);

/// The members of `RegisterTaskDefinition` that our task definitions use; one that is new here is looked up first, also
/// whether Fargate takes it.
const TASK: Shape = Object(&[
    ("family", Text),
    ("taskRoleArn", Text),
    ("executionRoleArn", Text),
    ("networkMode", Text),
    ("containerDefinitions", List(&CONTAINER)),
    ("requiresCompatibilities", TEXTS),
    ("cpu", Text),
    ("memory", Text),
    ("runtimePlatform", Object(&[("cpuArchitecture", Text), ("operatingSystemFamily", Text)])),
    // Without more it lies in the task's own storage, and is gone with it.
    ("volumes", List(&Object(&[("name", Text)]))),
]);

const CONTAINER: Shape = Object(&[
    ("name", Text),
    ("image", Text),
    ("portMappings", List(&PORT)),
    ("essential", Flag),
    ("entryPoint", TEXTS),
    ("command", TEXTS),
    ("environment", List(&Object(&[("name", Text), ("value", Text)]))),
    ("linuxParameters", LINUX),
    ("mountPoints", List(&Object(&[("sourceVolume", Text), ("containerPath", Text), ("readOnly", Flag)]))),
    ("secrets", List(&Object(&[("name", Text), ("valueFrom", Text)]))),
    ("dependsOn", List(&Object(&[("containerName", Text), ("condition", Text)]))),
    ("startTimeout", Number),
    ("stopTimeout", Number),
    ("user", Text),
    ("readonlyRootFilesystem", Flag),
    ("logConfiguration", Object(&[("logDriver", Text), ("options", Map)])),
    ("healthCheck", HEALTH_CHECK),
]);

const PORT: Shape = Object(&[
    ("containerPort", Number),
    ("hostPort", Number),
    ("protocol", Text),
    ("name", Text),
    ("appProtocol", Text),
]);

const LINUX: Shape =
    Object(&[("capabilities", Object(&[("add", TEXTS), ("drop", TEXTS)])), ("initProcessEnabled", Flag)]);

const HEALTH_CHECK: Shape = Object(&[
    ("command", TEXTS),
    ("interval", Number),
    ("timeout", Number),
    ("retries", Number),
    ("startPeriod", Number),
]);

/// Members that ECS does not know, and values of another type than it expects.
pub fn faults(definition: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    walk("", definition, &TASK, &mut faults);
    faults
}

fn walk(at: &str, value: &Value, shape: &Shape, faults: &mut Vec<String>) {
    match (shape, value) {
        (Text, Value::String(_)) | (Number, Value::Number(_)) | (Flag, Value::Bool(_)) => {}
        (Map, Value::Object(members)) => {
            members.iter().for_each(|(name, value)| walk(&format!("{at}.{name}"), value, &Text, faults))
        }
        (List(shape), Value::Array(items)) => {
            items.iter().enumerate().for_each(|(i, item)| walk(&format!("{at}[{i}]"), item, shape, faults))
        }
        (Object(known), Value::Object(members)) => {
            for (name, value) in members {
                match known.iter().find(|(known, _)| known == name) {
                    Some((_, shape)) => walk(&format!("{at}.{name}"), value, shape, faults),
                    None => faults.push(format!("{at}.{name} is unknown, or not for Fargate")),
                }
            }
        }
        _ => faults.push(format!("{at} has the wrong type")),
    }
}
