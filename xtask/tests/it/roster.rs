//! The roster in the files: whether everything that is written down for each service is written down for those of the
//! roster, and for no other.

use crate::files;
use contracts::roster::{self, NAMES, SERVICES};
use local_stack::services;
use std::collections::BTreeSet;

/// How much higher the port for operations is.
const OPS_OFFSET: u16 = common::config::OPS_OFFSET;

#[test]
fn each_service_has_its_folders() {
    for service in NAMES {
        for path in [
            format!("services/{service}/permissions.toml"),
            format!("migrations/{service}"),
            format!("openapi/docs/{service}/index.md"),
            format!("openapi/{service}.json"),
            format!("ecs/taskdefs/{service}.json"),
        ] {
            assert!(files::checkout().join(&path).exists(), "{path} is missing");
        }
    }
    let folder = std::fs::read_dir(files::checkout().join("services")).unwrap();
    for service in folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(roster::is_reserved(&service), "the roster lacks services/{service}");
    }
}

#[test]
fn the_local_stack_starts_each_on_its_port() {
    let started: BTreeSet<_> = services::platform().into_iter().map(|started| (started.name, started.port)).collect();
    let named: BTreeSet<_> = SERVICES.iter().map(|service| (service.name.to_owned(), service.port)).collect();
    assert_eq!(started, named);
}

#[test]
fn containers_listen_on_its_ports() {
    let compose = files::text("docker-compose.yml");
    for service in SERVICES {
        let ports = [service.port, service.port + OPS_OFFSET];
        let definition = files::task_definition(service.name);
        let mappings = files::items(&definition["containerDefinitions"][0], "portMappings");
        let mapped: Vec<_> = mappings.iter().map(|mapping| mapping["containerPort"].as_u64().unwrap()).collect();
        assert_eq!(mapped, ports.map(u64::from), "ecs/taskdefs/{}.json", service.name);
        let name = service.name.to_uppercase();
        let [port, ops_port] = ports;
        let published = format!(
            "[\"127.0.0.1:${{{name}_PORT:-{port}}}:{port}\", \"127.0.0.1:${{{name}_OPS_PORT:-{ops_port}}}:{ops_port}\"]"
        );
        assert!(compose.contains(&published), "docker-compose.yml does not say ports: {published}");
    }
}

#[test]
fn each_has_a_database_in_compose() {
    let script = files::text("docker/databases.sql");
    for service in NAMES {
        assert!(script.contains(&format!("CREATE ROLE {service} LOGIN")), "docker/databases.sql: role {service}");
        assert!(
            script.contains(&format!("CREATE DATABASE {service} OWNER {service};")),
            "docker/databases.sql: {service}"
        );
    }
    let revoked = script.lines().find_map(|line| line.strip_prefix("REVOKE ALL ON DATABASE ")).unwrap();
    let kept: Vec<_> = revoked.split([',', ' ']).collect();
    assert!(NAMES.iter().all(|service| kept.contains(service)), "docker/databases.sql: REVOKE");
}

#[test]
fn each_user_of_redis_has_the_rights_of_the_roster() {
    let file = files::text("docker/redis-users.conf");
    let services = SERVICES.iter().map(|service| (service.name, service.redis));
    for (user, rights) in services.chain([(roster::PRODUCT_USER, roster::PRODUCT_RIGHTS)]) {
        let line = format!("user {user} {}", roster::redis_acl(user, rights));
        assert!(file.lines().any(|there| there == line), "docker/redis-users.conf lacks:\n{line}");
    }
}
