//! Does what is built and started in containers fit the rest of the checkout?

use crate::files;
use aws_lc_rs::digest;
use std::collections::BTreeMap;

/// The value of `NAME=value` on a line of its own, after `prefix`.
fn value<'a>(text: &'a str, prefix: &str, name: &str) -> &'a str {
    let start = format!("{prefix}{name}=");
    text.lines()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap_or_else(|| panic!("there is no {start}"))
        .trim_matches('"')
}

#[test]
fn the_image_is_built_with_the_toolchain_that_developers_use() {
    let toolchain = files::text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert_eq!(value(&files::text("docker/Dockerfile"), "ARG ", "RUST_VERSION"), channel);
}

#[test]
fn the_image_has_what_task_definitions_start() {
    let dockerfile = files::text("docker/Dockerfile");
    let binaries: Vec<_> = value(&dockerfile, "ARG ", "BINARIES").split(' ').collect();
    for definition in files::task_definitions().values() {
        for container in files::items(definition, "containerDefinitions") {
            let program = container["entryPoint"][0].as_str().unwrap();
            assert!(
                program.strip_prefix("/usr/local/bin/").is_some_and(|name| binaries.contains(&name)),
                "{program} is not in the image"
            );
            assert!(
                dockerfile.contains(&format!("USER {}", container["user"].as_str().unwrap())),
                "{program} runs as another user than the image's"
            );
        }
    }
}

/// The variables that `docker compose` substitutes, and those of the example file: no more, no less, and no other values.
#[test]
fn the_example_has_every_setting_of_compose() {
    let (compose, example) = (files::text("docker-compose.yml"), files::text("docker/env.example"));
    let set: BTreeMap<_, _> =
        example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let mut used = BTreeMap::new();
    for variable in compose.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()) {
        let (name, otherwise) = variable.split_once(':').unwrap_or((variable, ""));
        let value = *set.get(name).unwrap_or_else(|| panic!("docker/env.example lacks {name}"));
        used.insert(name, otherwise.strip_prefix('-').unwrap_or(value));
    }
    assert_eq!(used, set, "left docker-compose.yml with its defaults, right docker/env.example");
}

/// Whoever has something on a port can move ours in .env, and nobody else's machine is let in.
#[test]
fn every_port_is_of_this_machine_only_and_comes_from_the_settings() {
    let compose = files::text("docker-compose.yml");
    let mappings: Vec<_> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("ports: [")?.strip_suffix(']'))
        .flat_map(|ports| ports.split(", "))
        .collect();
    assert!(mappings.len() > 2 * files::SERVICES.len(), "{mappings:?}");
    for mapping in mappings {
        assert!(mapping.starts_with("\"127.0.0.1:${") && mapping.contains("_PORT:-"), "{mapping}");
    }
    assert!(!compose.contains("localhost:80") && !compose.contains("ports:\n"), "a port that no setting moves");
}

/// Each `build:` exports the image once more, and leaves the one before without a name.
#[test]
fn the_image_is_built_for_one_service_and_used_by_the_others() {
    let compose = files::text("docker-compose.yml");
    let built = services(&compose)
        .into_iter()
        .filter(|name| files::yaml_block(&compose, &format!("  {name}:")).contains(&"    build:"))
        .count();
    let mentions = compose.lines().filter(|line| line.trim() == "build:").count();
    assert_eq!((built, mentions), (1, 1));
}

#[test]
fn whatever_stays_is_started_again_when_it_crashes() {
    let compose = files::text("docker-compose.yml");
    for name in services(&compose) {
        let block = files::yaml_block(&compose, &format!("  {name}:"));
        assert_eq!(block.contains(&"    healthcheck:"), block.contains(&"    restart: unless-stopped"), "{name}");
    }
}

/// A backend that is silent while its client logs in holds up the drop of an instance's database for so long.
#[test]
fn a_login_at_postgresql_may_take_the_same_few_seconds_everywhere() {
    assert!(files::text("docker-compose.yml").contains("command: [postgres, -c, authentication_timeout=5s]"));
    assert!(files::text("crates/local-stack/src/postgres.rs").contains("AUTHENTICATION_TIMEOUT: &str = \"5s\""));
    assert!(files::text("ecs/README.md").contains("`authentication_timeout` to 5 seconds"));
}

#[test]
fn the_examples_clients_are_known_by_the_hashes_of_their_secrets() {
    let example = files::text("docker/env.example");
    for client in value(&example, "", "PLATFORM_CLIENTS").split(',') {
        let (id, hash) = client.split_once(':').unwrap();
        let secret = value(&example, "", &format!("{}_CLIENT_SECRET", id.to_uppercase()));
        let hex: String = digest::digest(&digest::SHA256, secret.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hash, hex, "{id}");
    }
}

/// The names of the services of docker-compose.yml.
fn services(compose: &str) -> Vec<&str> {
    let all = files::yaml_block(compose, "services:");
    let names: Vec<_> = all
        .iter()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with([' ', '#']))
        .collect();
    assert!(names.len() > files::SERVICES.len(), "{names:?}");
    names
}

/// `docker compose up --wait` waits for ever, or fails, over a container that ends unless another awaits its success.
#[test]
fn compose_can_wait_for_every_container() {
    let compose = files::text("docker-compose.yml");
    for name in services(&compose) {
        let stays = files::yaml_block(&compose, &format!("  {name}:")).contains(&"    healthcheck:");
        let awaited = compose.contains(&format!(" {name}: {{ condition: service_completed_successfully }}"));
        assert!(stays != awaited, "{name} must have a health check or be awaited, and not both");
    }
}
