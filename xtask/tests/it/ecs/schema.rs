//! Which members does ECS know, and of which type? It refuses a call with any other.

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
const PAIR: Shape = Object(&[("name", Text), ("value", Text)]);
const SECRET: Shape = Object(&[("name", Text), ("valueFrom", Text)]);

/// `RegisterTaskDefinition` without what Fargate refuses: `ipcMode`, `placementConstraints`, `inferenceAccelerators`.
const TASK: Shape = Object(&[
    ("family", Text),
    ("taskRoleArn", Text),
    ("executionRoleArn", Text),
    ("networkMode", Text),
    ("containerDefinitions", List(&CONTAINER)),
    ("volumes", List(&VOLUME)),
    ("requiresCompatibilities", TEXTS),
    ("cpu", Text),
    ("memory", Text),
    ("tags", List(&Object(&[("key", Text), ("value", Text)]))),
    ("pidMode", Text),
    ("proxyConfiguration", Object(&[("type", Text), ("containerName", Text), ("properties", List(&PAIR))])),
    ("ephemeralStorage", Object(&[("sizeInGiB", Number)])),
    ("runtimePlatform", Object(&[("cpuArchitecture", Text), ("operatingSystemFamily", Text)])),
    ("enableFaultInjection", Flag),
]);

/// `ContainerDefinition` without what Fargate or awsvpc refuses: `links`, `hostname`, `dnsServers`, `dnsSearchDomains`, `extraHosts`,
/// `privileged`, `dockerSecurityOptions`, `disableNetworking`.
const CONTAINER: Shape = Object(&[
    ("name", Text),
    ("image", Text),
    ("repositoryCredentials", Object(&[("credentialsParameter", Text)])),
    ("cpu", Number),
    ("memory", Number),
    ("memoryReservation", Number),
    ("portMappings", List(&PORT)),
    ("essential", Flag),
    (
        "restartPolicy",
        Object(&[("enabled", Flag), ("ignoredExitCodes", List(&Number)), ("restartAttemptPeriod", Number)]),
    ),
    ("entryPoint", TEXTS),
    ("command", TEXTS),
    ("environment", List(&PAIR)),
    ("environmentFiles", List(&Object(&[("value", Text), ("type", Text)]))),
    ("mountPoints", List(&Object(&[("sourceVolume", Text), ("containerPath", Text), ("readOnly", Flag)]))),
    ("volumesFrom", List(&Object(&[("sourceContainer", Text), ("readOnly", Flag)]))),
    ("linuxParameters", LINUX),
    ("secrets", List(&SECRET)),
    ("dependsOn", List(&Object(&[("containerName", Text), ("condition", Text)]))),
    ("startTimeout", Number),
    ("stopTimeout", Number),
    ("versionConsistency", Text),
    ("user", Text),
    ("workingDirectory", Text),
    ("readonlyRootFilesystem", Flag),
    ("interactive", Flag),
    ("pseudoTerminal", Flag),
    ("dockerLabels", Map),
    ("ulimits", List(&Object(&[("name", Text), ("softLimit", Number), ("hardLimit", Number)]))),
    ("logConfiguration", Object(&[("logDriver", Text), ("options", Map), ("secretOptions", List(&SECRET))])),
    (
        "healthCheck",
        Object(&[
            ("command", TEXTS),
            ("interval", Number),
            ("timeout", Number),
            ("retries", Number),
            ("startPeriod", Number),
        ]),
    ),
    ("systemControls", List(&Object(&[("namespace", Text), ("value", Text)]))),
    ("resourceRequirements", List(&Object(&[("value", Text), ("type", Text)]))),
    ("firelensConfiguration", Object(&[("type", Text), ("options", Map)])),
    ("credentialSpecs", TEXTS),
]);

const PORT: Shape = Object(&[
    ("containerPort", Number),
    ("hostPort", Number),
    ("protocol", Text),
    ("name", Text),
    ("appProtocol", Text),
    ("containerPortRange", Text),
]);

/// `LinuxParameters` without what Fargate refuses: `devices`, `sharedMemorySize`, `tmpfs`, `maxSwap`, `swappiness`.
const LINUX: Shape =
    Object(&[("capabilities", Object(&[("add", TEXTS), ("drop", TEXTS)])), ("initProcessEnabled", Flag)]);

/// `Volume` without what Fargate refuses: `dockerVolumeConfiguration`, `fsxWindowsFileServerVolumeConfiguration`, and a host's path.
const VOLUME: Shape = Object(&[("name", Text), ("efsVolumeConfiguration", EFS), ("configuredAtLaunch", Flag)]);

const EFS: Shape = Object(&[
    ("fileSystemId", Text),
    ("rootDirectory", Text),
    ("transitEncryption", Text),
    ("transitEncryptionPort", Number),
    ("authorizationConfig", Object(&[("accessPointId", Text), ("iam", Text)])),
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
