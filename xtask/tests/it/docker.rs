//! What is built and started in containers. Does it fit the rest of the checkout?

use crate::files;
use aws_lc_rs::digest;
use local_stack::products::Product;
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

/// Programs in an image: of the service that it is built for in compose, or else of the platform.
fn binaries(image: &str) -> Vec<String> {
    let name = |image: &str| image.rsplit('/').next().unwrap().split(':').next().unwrap().to_owned();
    let compose = files::compose();
    let services = compose["services"].as_object().unwrap().values();
    let mut built = services.filter(|service| service["build"].is_object());
    let built = built.find(|service| name(service["image"].as_str().unwrap()) == name(image));
    let build = &built.unwrap_or_else(|| panic!("nothing is built as {image}"))["build"];
    assert_eq!(build["dockerfile"], "docker/Dockerfile");
    let dockerfile = files::text("docker/Dockerfile");
    let otherwise = value(&dockerfile, "ARG ", "BINARIES");
    let mut names: Vec<_> =
        build["args"]["BINARIES"].as_str().unwrap_or(otherwise).split(' ').map(str::to_owned).collect();
    if names.iter().any(|name| name == "platform") {
        names.extend(value(&dockerfile, "ARG ", "SERVICES").split(' ').map(str::to_owned));
    }
    names
}

#[test]
fn images_are_built_with_the_toolchain_that_developers_use() {
    let toolchain = files::text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert_eq!(value(&files::text("docker/Dockerfile"), "ARG ", "RUST_VERSION"), channel);
}

#[test]
fn an_image_has_what_is_started_from_it() {
    let (compose, definitions) = (files::compose(), files::task_definitions());
    let deployed = definitions.values().flat_map(|definition| files::items(definition, "containerDefinitions"));
    for container in deployed.chain(ours(&compose).into_iter().map(|(_, service)| service)) {
        let (program, image) = (files::program(container), container["image"].as_str().unwrap());
        assert!(binaries(image).iter().any(|binary| binary == program), "{program} is not in {image}");
    }
    let dockerfile = files::text("docker/Dockerfile");
    let users: Vec<_> = dockerfile.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    assert_eq!(users.len(), dockerfile.matches("FROM gcr.io/distroless/").count());
    for container in files::served().values() {
        assert!(users.iter().all(|user| container["user"] == *user), "{users:?}: {}", container["user"]);
    }
}

/// A product's release is its own: the platform's image holds no bundle, and what the platform is deployed with no
/// product's name.
#[test]
fn the_platform_is_deployed_without_a_products_name() {
    let dockerfile = files::text("docker/Dockerfile");
    assert!(!dockerfile.rsplit("FROM ").next().unwrap().contains("bundles"));
    let mut texts = vec![dockerfile];
    for path in ["docker-compose.yml", "docker/env.example", "docker/databases.sql", "docker/redis-users.conf"] {
        texts.push(files::text(path));
    }
    for path in ["ecs/taskdefs", "ecs/policies/task", "ecs/policies/execution"] {
        texts.extend(files::folder(path).into_values().map(|file| file.to_string()));
    }
    for Product { name, .. } in files::products() {
        assert!(!texts.iter().any(|text| text.contains(&name)), "{name}");
    }
}

/// A product's image gets the bundles that lie with the product.
#[test]
fn a_products_image_is_built_from_the_products_folder() {
    let (compose, checkout) = (files::compose(), files::checkout());
    let builds: Vec<_> = compose["services"].as_object().unwrap().values().map(|service| &service["build"]).collect();
    for product in files::products().iter().filter(|product| product.folder.join("docker-compose.yml").exists()) {
        let folder = product.folder.strip_prefix(&checkout).unwrap().to_str().unwrap();
        assert!(
            builds.iter().any(|build| build["target"] == "product" && build["args"]["PRODUCT"] == folder),
            "{folder}"
        );
    }
}

/// Commands of bundles run as the worker's user. What they may not read of its secrets, they may not read of an init
/// process or a health check either.
#[test]
fn no_process_beside_a_command_shows_its_secrets() {
    let compose = files::compose();
    for product in files::products().iter().filter(|product| product.folder.join("docker-compose.yml").exists()) {
        let manifest = std::fs::read_to_string(product.newest_bundle().unwrap().join("manifest.toml")).unwrap();
        let worker = &compose["services"][format!("{}-worker", product.name)];
        assert_eq!(worker["init"] == true, !manifest.contains("[[commands]]"), "{}", product.name);
    }
    let dockerfile = files::text("docker/Dockerfile");
    let product = dockerfile.split("FROM ").find(|stage| stage.contains(" AS product\n")).unwrap();
    assert!(product.contains("\nCOPY --from=build --chmod=0711 /out/bin/ /usr/local/bin/\n"), "{product}");
}

/// The services of docker-compose.yml that run one of our images.
fn ours(compose: &Value) -> Vec<(&String, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.filter(|(_, service)| service["image"].as_str().unwrap().starts_with(files::PREFIX)).collect()
}

/// What the lines of .env set, where later ones may refer to earlier ones, as compose reads them.
fn settings(files: &[String]) -> BTreeMap<String, String> {
    let mut set = BTreeMap::new();
    for line in files.iter().flat_map(|file| file.lines()).filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = set.iter().fold(value.to_owned(), |value, (name, set): (&String, &String)| {
            value.replace(&format!("${{{name}}}"), set)
        });
        set.insert(name.to_owned(), value);
    }
    set
}

/// The variables that `docker compose` substitutes, and those of the example files: no more, no less, and no other
/// values.
#[track_caller]
fn assert_used(compose: &[String], mut set: BTreeMap<String, String>) {
    set.remove("COMPOSE_FILE");
    let mut used = BTreeMap::new();
    for variable in compose.iter().flat_map(|file| file.split("${").skip(1)).map(|rest| rest.split('}').next().unwrap())
    {
        let (name, otherwise) = variable.split_once(':').unwrap_or((variable, ""));
        let value = set.get(name).unwrap_or_else(|| panic!("no example file has {name}"));
        // A list is empty without a product.
        let otherwise = otherwise.strip_prefix('-').filter(|text| !text.is_empty());
        used.insert(name.to_owned(), otherwise.unwrap_or(value).to_owned());
    }
    assert_eq!(used, set, "left compose with its defaults, right the example files");
}

#[test]
fn the_examples_have_every_setting_of_compose() {
    let (compose, examples) = (files::compose_files(), files::compose_settings());
    assert_used(&compose[..1], settings(&examples[..1]));
    assert_used(&compose, settings(&examples));
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
    let moved = files::compose_files().iter().all(|file| !file.contains("localhost:80"));
    assert!(moved, "a port that no setting moves");
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
    let set = settings(&files::compose_settings());
    for client in set["PLATFORM_CLIENTS"].split(',') {
        let (id, hash) = client.split_once(':').unwrap();
        let secret = &set[&format!("{}_CLIENT_SECRET", id.to_uppercase().replace('-', "_"))];
        assert_eq!(hash, hex::encode(digest::digest(&digest::SHA256, secret.as_bytes())), "{id}");
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
