//! Environments of containers. Would each service start with what its task definition gives it? Its own binary is
//! asked.

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

fn plain(container: &Value) -> BTreeMap<&str, &str> {
    items(container, "environment")
        .iter()
        .map(|variable| (variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap()))
        .collect()
}

/// With all that is not secret given, exactly the secrets are missing: nothing is forgotten, wrong, or secret in vain.
#[test]
fn only_the_secrets_are_missing_from_the_environment() {
    for (name, container) in files::served() {
        let secrets: BTreeSet<_> =
            files::names(&container, "secrets", "name").into_iter().map(|name| format!("{name} is missing")).collect();
        assert_eq!(faults(files::program(&container), &plain(&container)), secrets, "{name}");
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
    let compose = files::compose();
    let services = compose["services"].as_object().unwrap();
    let served: Vec<_> = services.iter().filter(|(_, service)| service["command"][0] == "serve").collect();
    assert!(files::served().keys().all(|name| services.contains_key(name)), "{:?}", services.keys());
    for (name, service) in served {
        let given = service["environment"].as_object().unwrap();
        let missing: Vec<_> =
            required(files::program(service)).into_iter().filter(|setting| !given.contains_key(setting)).collect();
        assert!(missing.is_empty(), "docker-compose.yml does not give {name} {missing:?}");
    }
}

#[test]
fn a_variable_that_compose_forgot_is_noticed() {
    let compose = files::compose();
    let given = |service: &str| compose["services"][service]["environment"]["MAIL_FROM"].is_string();
    assert!(required("mailer").contains("MAIL_FROM") && given("mailer") && !given("billing"));
}

#[test]
fn an_incomplete_environment_is_noticed() {
    let container = files::served().remove("mailer").unwrap();
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
    for (name, container) in files::served() {
        let program = binary(files::program(&container));
        let output = Command::new(program).arg("settings").env_clear().output().unwrap();
        let settings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        for variable in plain(&container).into_keys() {
            assert!(settings.iter().any(|setting| setting["name"] == variable), "{name} does not read {variable}");
        }
    }
}
