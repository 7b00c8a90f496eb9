//! Does what is built and started in containers fit the rest of the checkout?

use crate::files;
use aws_lc_rs::digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The value of `NAME=value` on a line of its own, after `prefix`.
fn value<'a>(text: &'a str, prefix: &str, name: &str) -> &'a str {
    let start = format!("{prefix}{name}=");
    text.lines()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap_or_else(|| panic!("there is no {start}"))
        .trim_matches('"')
}

/// What the image of that name is built from: the platform's, or a product's.
fn dockerfile(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap().split(':').next().unwrap();
    let products = files::products().into_iter();
    let product = products.filter_map(|product| {
        (name == format!("{}-{}", files::PREFIX, product.name)).then_some(product.folder.join("Dockerfile"))
    });
    let own = (name == files::PREFIX).then(|| files::checkout().join("docker/Dockerfile"));
    let file = product.chain(own).next().unwrap_or_else(|| panic!("nothing is built as {image}"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Programs in an image: built for it, or taken from the platform's.
fn binaries(dockerfile: &str) -> Vec<&str> {
    let taken = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY --from=platform /usr/local/bin/"));
    let taken = taken.filter_map(|line| line.split(' ').next());
    value(dockerfile, "ARG ", "BINARIES").split(' ').chain(taken).collect()
}

#[test]
fn images_are_built_with_the_toolchain_that_developers_use() {
    let toolchain = files::text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    for container in files::served().values() {
        let dockerfile = dockerfile(container["image"].as_str().unwrap());
        assert_eq!(value(&dockerfile, "ARG ", "RUST_VERSION"), channel);
    }
}

#[test]
fn an_image_has_what_is_started_from_it() {
    let definitions = files::task_definitions();
    let deployed = definitions.values().flat_map(|definition| files::items(definition, "containerDefinitions"));
    for container in deployed {
        let (program, dockerfile) = (files::program(container), dockerfile(container["image"].as_str().unwrap()));
        assert!(binaries(&dockerfile).contains(&program), "{program} is not in the image");
        assert!(
            dockerfile.contains(&format!("USER {}", container["user"].as_str().unwrap())),
            "{program} runs as another user than the image's"
        );
    }
    for (name, service) in ours(&files::compose()) {
        let dockerfile = dockerfile(service["image"].as_str().unwrap());
        assert!(binaries(&dockerfile).contains(&files::program(service)), "{name} is not in its image");
    }
}

/// A product's release is its own: nothing of one is in the platform's image.
#[test]
fn the_platforms_image_knows_no_product() {
    let dockerfile = files::text("docker/Dockerfile");
    assert!(!dockerfile.contains("bundles"));
    assert!(files::products().iter().all(|product| !dockerfile.contains(&product.name)));
}

/// The services of docker-compose.yml that run one of our images.
fn ours(compose: &Value) -> Vec<(&String, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.filter(|(_, service)| service["image"].as_str().unwrap().starts_with(files::PREFIX)).collect()
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
    let compose = files::compose();
    let services = compose["services"].as_object().unwrap();
    let mappings: Vec<_> = services.values().flat_map(|service| files::items(service, "ports")).collect();
    assert!(mappings.len() > 2 * files::SERVICES.len(), "{mappings:?}");
    for mapping in mappings.into_iter().map(|mapping| mapping.as_str().unwrap()) {
        assert!(mapping.starts_with("127.0.0.1:${") && mapping.contains("_PORT:-"), "{mapping}");
    }
    assert!(!files::text("docker-compose.yml").contains("localhost:80"), "a port that no setting moves");
}

/// Each `build:` exports the image once more, and leaves the one before without a name.
#[test]
fn an_image_is_built_for_one_service_and_used_by_the_others() {
    let (compose, mut built) = (files::compose(), BTreeMap::<_, usize>::new());
    for (_, service) in ours(&compose) {
        *built.entry(service["image"].as_str().unwrap()).or_default() += usize::from(service["build"].is_object());
    }
    assert!(built.len() > 1 && built.values().all(|times| *times == 1), "{built:?}");
}

#[test]
fn whatever_stays_is_started_again_when_it_crashes() {
    for (name, service) in files::compose()["services"].as_object().unwrap() {
        assert_eq!(service["healthcheck"].is_object(), service["restart"] == "unless-stopped", "{name}");
    }
}

/// A backend that is silent while its client logs in holds up the drop of an instance's database for so long.
#[test]
fn a_login_at_postgresql_may_take_the_same_few_seconds_everywhere() {
    let command = &files::compose()["services"]["postgres"]["command"];
    assert_eq!(*command, json!(["postgres", "-c", "authentication_timeout=5s"]));
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

/// `docker compose up --wait` waits for ever, or fails, over a container that ends unless another awaits its success.
#[test]
fn compose_can_wait_for_every_container() {
    let compose = files::compose();
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        let awaits = |other: &Value| other["depends_on"][name]["condition"] == "service_completed_successfully";
        assert!(
            service["healthcheck"].is_object() != services.values().any(awaits),
            "{name} must have a health check or be awaited, and not both"
        );
    }
}
