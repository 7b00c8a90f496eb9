//! Rules for task definitions: would ECS accept this one on Fargate? What its API refuses, the emulator accepts.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html> and
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>.

mod broken;
mod container;
mod hardening;
mod schema;
mod task;

use crate::files;
use serde_json::Value;

/// Jobs of a worker at once, unless JOB_CONCURRENCY says otherwise.
const AT_ONCE: u32 = 4;

/// Everything wrong with a task definition, each with where it is.
pub fn faults(definition: &Value) -> Vec<String> {
    let mut faults = schema::faults(definition);
    // Rules read members by type; they would only repeat what the schema says.
    if faults.is_empty() {
        faults.extend(task::faults(definition));
        for container in files::items(definition, "containerDefinitions") {
            let name = container["name"].as_str().unwrap_or_default();
            let found = container::faults(container).into_iter().chain(hardening::faults(container));
            faults.extend(found.map(|fault| format!("{name}: {fault}")));
        }
    }
    faults
}

#[test]
fn every_task_definition_is_sound() {
    for (name, definition) in files::task_definitions() {
        let faults = faults(&definition);
        assert!(faults.is_empty(), "ecs/taskdefs/{name}.json:\n  {}", faults.join("\n  "));
    }
}

#[test]
fn services_are_told_when_they_are_ill_and_have_time_to_stop() {
    for (name, container) in files::served() {
        let program = files::program(&container);
        assert_eq!(
            container["healthCheck"]["command"],
            serde_json::json!(["CMD", format!("/usr/local/bin/{program}"), "healthcheck"])
        );
        assert_eq!(container["stopTimeout"], if program == "worker" { 120 } else { 60 }, "{name}");
        assert_eq!(files::names(&container, "portMappings", "name"), [name.clone(), format!("{name}-ops")]);
        assert_eq!(container["logConfiguration"]["options"]["max-buffer-size"], "25m");
    }
}

/// Its root filesystem is read-only, and each command has a folder below /tmp. As many as run at once may each have, for
/// a moment, twice the memory that the manifest says.
#[test]
fn a_products_worker_has_room_for_the_commands_of_its_bundle() {
    for product in local_stack::products::all().unwrap() {
        let manifest = std::fs::read_to_string(product.newest_bundle().unwrap().join("manifest.toml")).unwrap();
        let name = format!("{}-worker", product.name);
        let has_room = files::names(&files::served()[&name], "mountPoints", "containerPath").contains(&"/tmp");
        assert_eq!(has_room, manifest.contains("[[commands]]"), "{name}");
        let most = manifest.lines().filter_map(|line| line.strip_prefix("memory_mib = ")?.parse::<u32>().ok()).max();
        let memory: u32 = files::task_definition(&name)["memory"].as_str().unwrap().parse().unwrap();
        assert!(memory >= AT_ONCE * 2 * most.unwrap_or_default(), "{name} has {memory} MiB");
    }
}

#[test]
fn the_migrations_end_well_only_if_each_of_them_did() {
    let definition = files::task_definition("migrate");
    let containers = files::items(&definition, "containerDefinitions");
    let (last, others) = containers.split_last().unwrap();
    let mut names = files::names(&definition, "containerDefinitions", "name");
    names.sort_unstable();
    assert_eq!(names, files::SERVICES);
    // ECS ends a task with the first of its essential containers: only the one that waits for all others may be that.
    assert_eq!(last["essential"], true);
    assert!(others.iter().all(|container| container["essential"] == false));
    assert_eq!(
        files::names(last, "dependsOn", "containerName"),
        others.iter().map(|container| container["name"].as_str().unwrap()).collect::<Vec<_>>()
    );
    assert!(files::names(last, "dependsOn", "condition").iter().all(|condition| *condition == "SUCCESS"));
    for container in containers {
        let name = container["name"].as_str().unwrap();
        assert_eq!(container["entryPoint"], serde_json::json!([format!("/usr/local/bin/{name}")]));
        assert_eq!(container["command"], serde_json::json!(["migrate"]));
        let url = format!(
            "arn:aws:secretsmanager:{}:{}:secret:{}/{name}:DATABASE_URL::",
            files::REGION,
            files::ACCOUNT,
            files::PREFIX
        );
        assert_eq!(
            container["secrets"],
            serde_json::json!([{"name": "DATABASE_URL", "valueFrom": url}]),
            "{name} migrates its own database"
        );
    }
}
