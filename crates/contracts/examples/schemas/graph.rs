//! `docs/messages.md`: who says what to whom, as a graph and as a table.

use crate::{owner, taken, takers};
use contracts::{
    messages::{self, Declared},
    topology::QUEUES,
};
use std::{collections::BTreeSet, fmt::Write as _};

const HEAD: &str = "# Messages: who says what to whom

Written by `cargo xtask events` from `crates/contracts/src/messages.rs` and `topology.rs`; do not edit it. The schema of
each type is in [`openapi/events`](../openapi/events), the AsyncAPI document in
[`asyncapi.json`](../openapi/events/asyncapi.json) there. How messages change is said in
[adding a message](adding-a-message.md).

";

pub fn document() -> String {
    let mut text = format!("{HEAD}```mermaid\nflowchart LR\n");
    for line in edges() {
        let _ = writeln!(text, "    {line}");
    }
    text += "```\n\n| type | topic | said by | taken by (queue) |\n| --- | --- | --- | --- |\n";
    for message in messages::ALL {
        text += &row(message);
    }
    for queue in QUEUES {
        for raw in queue.subscriptions.iter().filter(|subscription| !subscription.topic.carries_envelopes()) {
            let _ = writeln!(
                text,
                "| no envelope | `{}` | Amazon SES | {} (`{}`) |",
                raw.topic.name(),
                owner(queue),
                queue.name
            );
        }
    }
    text
}

fn row(message: &Declared) -> String {
    let takers: Vec<_> = takers(message.kind).map(|queue| format!("{} (`{}`)", owner(queue), queue.name)).collect();
    let (kind, topic) = (message.kind, message.topic.name());
    format!("| `{kind}` | `{topic}` | {} | {} |\n", message.publishers.join(", "), takers.join(", "))
}

/// From services to topics, and from topics by way of queues to services.
fn edges() -> BTreeSet<String> {
    let mut edges = BTreeSet::new();
    for message in messages::ALL {
        for publisher in message.publishers {
            edges.insert(format!("{publisher} --> {}", topic(message.topic.name())));
        }
    }
    for queue in QUEUES {
        for subscription in queue.subscriptions {
            let kinds: Vec<_> = taken(subscription).map(|message| short(message.kind)).collect();
            let (from, to) = (topic(subscription.topic.name()), owner(queue));
            edges.insert(match (kinds.is_empty(), subscription.types.is_empty()) {
                (true, _) => format!("ses([Amazon SES]) --> {from} --> {to}"),
                (false, true) => format!("{from} -- everything --> {to}"),
                (false, false) => format!("{from} -- \"{}\" --> {to}", kinds.join("<br>")),
            });
        }
    }
    edges
}

/// Its name stands once in the diagram, whoever points at it.
fn topic(name: &str) -> String {
    format!("{name}[/{name}/]")
}

/// Without the version.
fn short(kind: &str) -> &str {
    kind.rsplit_once(".v").map_or(kind, |(name, _)| name)
}
