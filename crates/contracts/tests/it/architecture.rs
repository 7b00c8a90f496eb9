//! The table of messages in `docs/architecture.md`, compared with who publishes and who listens.

use contracts::{messages, topology::QUEUES};
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_documentation_says_who_publishes_and_who_listens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/architecture.md");
    let document = fs::read_to_string(path).unwrap();
    let publishers = messages::ALL.iter().flat_map(|message| message.publishers).copied();
    let services: BTreeSet<_> = publishers.chain(QUEUES.iter().map(|queue| owner(queue.name))).collect();
    for service in services {
        let row = format!("| {service} | {} | {} |", cell(published(service)), cell(heard(service)));
        assert!(document.lines().any(|line| line == row), "docs/architecture.md lacks the row\n{row}");
    }
}

fn published(service: &str) -> Vec<&'static str> {
    let published = messages::ALL.iter().filter(|message| message.publishers.contains(&service));
    published.map(|message| message.kind).collect()
}

/// Types, or the topic where all that it carries is taken.
fn heard(service: &str) -> Vec<&'static str> {
    let subscriptions =
        QUEUES.iter().filter(|queue| owner(queue.name) == service).flat_map(|queue| queue.subscriptions);
    subscriptions
        .flat_map(|subscription| match subscription.types {
            [] => vec![subscription.topic.name()],
            types => types.to_vec(),
        })
        .collect()
}

/// A queue is named `<service>` or `<service>-<purpose>`.
fn owner(queue: &'static str) -> &'static str {
    queue.split('-').next().unwrap_or(queue)
}

fn cell(names: Vec<&str>) -> String {
    if names.is_empty() {
        return "–".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
