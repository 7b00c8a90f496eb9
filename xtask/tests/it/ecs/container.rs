//! Rules for a container: is it within the limits of ECS?

use super::task::{are_unique, is_account, is_name};
use crate::files::{items, names};
use serde_json::Value;
use std::ops::RangeInclusive;

const LOG_OPTIONS: &str = "awslogs-create-group awslogs-datetime-format awslogs-group awslogs-multiline-pattern \
                           awslogs-region awslogs-stream-prefix max-buffer-size mode";

pub fn faults(container: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
    must(
        container["name"].as_str().is_some_and(is_name),
        "its name must be letters, digits, hyphens and underscores, 255 at most",
    );
    must(
        container["image"].as_str().is_some_and(is_image),
        "image must have a registry, a repository and a tag other than latest",
    );
    must(within(&container["startTimeout"], 2..=120), "startTimeout must be 2 to 120 s on Fargate");
    must(within(&container["stopTimeout"], 2..=120), "stopTimeout must be 2 to 120 s on Fargate");
    must(
        items(container, "portMappings").iter().all(is_port),
        "a port mapping has a port, protocol or application protocol that ECS does not take",
    );
    must(
        names(container, "portMappings", "name").into_iter().all(is_port_name),
        "a port's name must be lowercase letters, digits, hyphens and underscores",
    );
    let (environment, secrets) = (names(container, "environment", "name"), names(container, "secrets", "name"));
    must(
        items(container, "environment").iter().all(|variable| variable["value"].is_string()),
        "a variable has no value",
    );
    must(are_unique(environment.iter().chain(&secrets)), "a variable is set twice");
    must(
        items(container, "secrets").iter().all(is_secret),
        "a secret's ARN is malformed, or names another key than its variable",
    );
    if !container["healthCheck"].is_null() {
        faults.extend(health_check_faults(&container["healthCheck"]));
    }
    faults.extend(log_faults(&container["logConfiguration"]));
    faults
}

/// Absent, or a whole number in the range.
fn within(value: &Value, range: RangeInclusive<u64>) -> bool {
    value.is_null() || value.as_u64().is_some_and(|value| range.contains(&value))
}

/// `registry/repository:tag`
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).
fn is_image(image: &str) -> bool {
    let Some((registry, rest)) = image.split_once('/') else { return false };
    let Some((repository, tag)) = rest.split_once(':') else { return false };
    let all = |text: &str, ok: fn(u8) -> bool| !text.is_empty() && text.bytes().all(ok);
    all(registry, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte))
        && all(repository, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte))
        && all(tag, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && tag.len() <= 128
        && tag != "latest"
}

fn is_port(mapping: &Value) -> bool {
    let port = &mapping["containerPort"];
    let fits =
        |value: &Value, known: &[&str]| value.is_null() || value.as_str().is_some_and(|value| known.contains(&value));
    within(port, 1..=65535)
        && !port.is_null()
        && (mapping["hostPort"].is_null() || mapping["hostPort"] == *port)
        && fits(&mapping["protocol"], &["tcp", "udp"])
        && fits(&mapping["appProtocol"], &["http", "http2", "grpc"])
        // Only a named port can have an application protocol.
        && (mapping["appProtocol"].is_null() || mapping["name"].is_string())
}

fn is_port_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(known) && !name.starts_with('-')
}

/// `arn:aws:secretsmanager:<region>:<account>:secret:<name>:<key>::`, where the key is what the variable is called
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>).
fn is_secret(secret: &Value) -> bool {
    let parts: Vec<_> = secret["valueFrom"].as_str().unwrap_or_default().split(':').collect();
    let ["arn", "aws", "secretsmanager", region, account, "secret", name, key, "", ""] = parts[..] else {
        return false;
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    is_region(region) && is_account(account) && !name.is_empty() && name.bytes().all(known) && secret["name"] == key
}

fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [area @ .., number] = &parts[..] else { return false };
    area.len() >= 2
        && area.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase()))
        && number.parse::<u8>().is_ok()
}

fn health_check_faults(check: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, range) in [("interval", 5..=300), ("timeout", 2..=60), ("retries", 1..=10), ("startPeriod", 0..=300)] {
        if !within(&check[name], range.clone()) {
            faults.push(format!("healthCheck.{name} must be {} to {}", range.start(), range.end()));
        }
    }
    if check["command"][0] != "CMD" || !check["command"][1].as_str().is_some_and(|program| program.starts_with('/')) {
        faults.push("healthCheck.command must be CMD and a program: there is no shell".to_owned());
    }
    faults
}

fn log_faults(log: &Value) -> Vec<String> {
    let options = &log["options"];
    let mut faults = Vec::new();
    if log["logDriver"] != "awslogs" {
        return vec!["its log goes nowhere: logDriver must be awslogs".to_owned()];
    }
    for required in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
        if options[required].as_str().is_none_or(str::is_empty) {
            faults.push(format!("its log has no {required}"));
        }
    }
    let set = options.as_object().into_iter().flat_map(|options| options.keys());
    let unknown = set.filter(|option| !LOG_OPTIONS.split(' ').any(|known| known == *option));
    faults.extend(unknown.map(|option| format!("awslogs has no option {option}")));
    // A blocking log stops the service when CloudWatch Logs cannot be reached.
    if options["mode"] != "non-blocking" || !options["max-buffer-size"].as_str().is_some_and(is_byte_size) {
        faults.push("its log must be non-blocking, with a max-buffer-size".to_owned());
    }
    faults
}

/// `25m`
fn is_byte_size(text: &str) -> bool {
    text.strip_suffix(['k', 'm', 'g']).is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number > 0))
}
