//! Paths of internal endpoints: what one service asks for is what another one has.
//!
//! Their bodies are types of `contracts::http`; their paths are text on both sides, and compared here. Those of outboxes,
//! which are in no document, both sides take from there.

use super::files::{checkout, folder};
use contracts::http::outbox;
use std::{collections::BTreeSet, fs, path::Path};

const PREFIX: &str = "/internal/";

#[test]
fn every_internal_path_in_the_code_is_one_of_a_service() {
    let served = served();
    assert!(!served.is_empty());
    let mut asked = BTreeSet::new();
    for group in ["crates", "services", "examples"] {
        for entry in fs::read_dir(checkout().join(group)).unwrap() {
            collect(&entry.unwrap().path().join("src"), &mut asked);
        }
    }
    assert!(asked.len() > 5, "{asked:?}");
    let unknown: Vec<_> = asked.iter().filter(|path| !served.iter().any(|known| reaches(known, path))).collect();
    assert!(unknown.is_empty(), "no document in openapi/ has {unknown:?}");
}

#[test]
fn a_misspelt_path_is_found() {
    let known = "/internal/instances/{id}/credentials";
    for right in [known, "/internal/instances/{instance}/credentials", "/internal/instances"] {
        assert!(reaches(known, right), "{right}");
    }
    for wrong in ["/internal/instance/{id}/credentials", "/internal/instances/{id}/secrets", "/internal/inst"] {
        assert!(!reaches(known, wrong), "{wrong}");
    }
}

/// Whether `path` is `known`, or its beginning, to which a caller adds the rest.
fn reaches(known: &str, path: &str) -> bool {
    let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
    path.len() <= known.len()
        && path.iter().zip(known).all(|(part, known)| *part == known || part.starts_with('{') && known.starts_with('{'))
}

fn served() -> BTreeSet<String> {
    let documents = folder("openapi");
    let paths = documents.values().flat_map(|document| document["paths"].as_object().unwrap().keys());
    let of_every_service = [outbox::OUTBOX, outbox::PARKED, outbox::RELEASE, outbox::DISCARD].map(str::to_owned);
    paths.filter(|path| path.starts_with(PREFIX)).cloned().chain(of_every_service).collect()
}

/// The internal paths in string literals of a folder's code.
fn collect(source: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(source).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Beyond its own tests, whose paths are invented.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.extend(lines.filter_map(in_literal));
        }
    }
}

fn in_literal(line: &str) -> Option<String> {
    let rest = &line[line.find(PREFIX)?..];
    // The prefix alone says nothing.
    Some(rest.split(['"', '?']).next()?.to_owned()).filter(|path| path.len() > PREFIX.len())
}
