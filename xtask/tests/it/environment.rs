//! Would each service start with the environment that its task definition gives it? The service's own binary is asked.

use crate::files::{self, items};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::PathBuf,
    process::Command,
};

/// The exit code of a service that cannot be served with its environment.
const BAD_ENVIRONMENT: i32 = 2;

/// What the binary built beside this test says about an environment: a line a fault.
fn faults(service: &str, environment: &BTreeMap<&str, &str>) -> BTreeSet<String> {
    let output = Command::new(binary(service)).arg("serve").env_clear().envs(environment).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(BAD_ENVIRONMENT), "{service}: {told}");
    told.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

pub fn binary(service: &str) -> PathBuf {
    let target = env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let binary = target.join(service);
    assert!(
        binary.is_file(),
        "there is no {}; `cargo build -p {service}` makes it, as `cargo xtask test` does for all",
        binary.display()
    );
    binary
}

fn container(service: &str) -> Value {
    files::task_definition(service)["containerDefinitions"][0].clone()
}

fn plain(container: &Value) -> BTreeMap<&str, &str> {
    items(container, "environment")
        .iter()
        .map(|variable| (variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap()))
        .collect()
}

/// With all that is not secret given, exactly the secrets are missing: nothing is forgotten, wrong, or secret in vain.
#[test]
fn only_the_secrets_are_missing_from_the_environment() {
    for service in files::SERVICES {
        let container = container(service);
        let secrets: BTreeSet<_> =
            files::names(&container, "secrets", "name").into_iter().map(|name| format!("{name} is missing")).collect();
        assert_eq!(faults(service, &plain(&container)), secrets, "{service}");
    }
}

/// What has no default and is missing although everything else is, too.
fn required(service: &str) -> BTreeSet<String> {
    faults(service, &BTreeMap::new())
        .into_iter()
        .filter_map(|fault| fault.strip_suffix(" is missing").map(str::to_owned))
        .collect()
}

#[test]
fn compose_gives_each_service_what_it_needs() {
    let compose = files::text("docker-compose.yml");
    let shared = [keys(&compose, "x-aws: &aws"), keys(&compose, "x-service: &service")].concat();
    for service in files::SERVICES.into_iter().chain(["forum"]) {
        let own = keys(&compose, &format!("  {service}:"));
        assert!(own.contains(&"<<".to_owned()), "{service} has what all services have");
        let given: BTreeSet<_> = shared.iter().chain(&own).cloned().collect();
        let missing: Vec<_> = required(service).difference(&given).cloned().collect();
        assert!(missing.is_empty(), "docker-compose.yml does not give {service} {missing:?}");
    }
}

/// The keys below a line of YAML, at any depth.
fn keys(yaml: &str, head: &str) -> Vec<String> {
    files::yaml_block(yaml, head)
        .into_iter()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(key, _)| key.to_owned())
        .collect()
}

#[test]
fn a_variable_that_compose_forgot_is_noticed() {
    let compose = files::text("docker-compose.yml");
    assert!(required("mailer").contains("MAIL_FROM"));
    assert!(keys(&compose, "  mailer:").contains(&"MAIL_FROM".to_owned()));
    assert!(!keys(&compose, "  billing:").contains(&"MAIL_FROM".to_owned()));
}

#[test]
fn an_incomplete_environment_is_noticed() {
    let container = container("mailer");
    let mut environment = plain(&container);
    environment.remove("MAIL_FROM");
    environment.insert("AUTH_URL", "auth:8001");
    let told = faults("mailer", &environment);
    assert!(told.contains("MAIL_FROM is missing"), "{told:?}");
    assert!(told.contains("AUTH_URL must be an absolute http or https URL"), "{told:?}");
}

/// A mistyped name of a variable that has a default would go unnoticed otherwise.
#[test]
fn every_variable_is_read_by_somebody() {
    for service in files::SERVICES {
        let output = Command::new(binary(service)).arg("settings").env_clear().output().unwrap();
        let settings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        for name in plain(&container(service)).into_keys() {
            assert!(settings.iter().any(|setting| setting["name"] == name), "{service} does not read {name}");
        }
    }
}
