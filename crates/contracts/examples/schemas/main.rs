//! Writes what `cargo xtask events` keeps under `openapi/events/`, and `docs/messages.md`, into a folder: the JSON Schema
//! and samples of every message, the AsyncAPI document, and the graph of who says what to whom.

mod asyncapi;
mod graph;

use contracts::{
    messages::{self, Declared},
    schemas,
    topology::{QUEUES, Queue, Subscription},
};
use serde::Serialize;
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("usage: schemas <folder>")?;
    for contract in schemas::all() {
        let (name, samples) = (&contract.name, (contract.samples)()?);
        fs::write(folder.join(format!("{name}.schema.json")), json(&contract.schema)?)?;
        fs::write(folder.join(format!("{name}.samples.json")), json(&samples)?)?;
    }
    fs::write(folder.join("asyncapi.json"), json(&asyncapi::document())?)?;
    fs::write(folder.join("messages.md"), graph::document())?;
    Ok(())
}

fn json(document: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// The service whose queue it is: it is named `<service>` or `<service>-<purpose>`.
fn owner(queue: &Queue) -> &'static str {
    queue.name.split('-').next().unwrap_or(queue.name)
}

/// The messages that come by a subscription; none if the topic carries no envelopes.
fn taken(subscription: &Subscription) -> impl Iterator<Item = &'static Declared> {
    messages::ALL.iter().filter(|message| subscription.brings(message))
}

/// The queues that take messages of the type.
fn takers(kind: &str) -> impl Iterator<Item = &'static Queue> {
    QUEUES.iter().filter(move |queue| queue.subscriptions.iter().any(|taken| taken.types.contains(&kind)))
}
