//! What the audit says of the signing keys: by command or by schedule, whichever request made a process look.

use super::store::State;
use audit::{Actor, Entry};
use common::origin::{self, Origin};
use contracts::{id::Principal, roster};
use serde_json::json;

pub fn made(kid: &str, state: State) -> Entry {
    let state = match state {
        State::Next => "next",
        State::Current => "current",
        State::Previous => "previous",
    };
    of("signing_key.made", kid).after(json!({"state": state}))
}

/// It signs from now on.
pub fn promoted(kid: &str) -> Entry {
    of("signing_key.promoted", kid)
}

/// It signs no more, and verifies until all that it has signed has expired.
pub fn retired(kid: &str) -> Entry {
    of("signing_key.retired", kid)
}

/// What it has signed is refused.
pub fn revoked(kid: &str) -> Entry {
    of("signing_key.revoked", kid)
}

/// All that it has signed has expired, or it has never signed anything.
pub fn deleted(kid: &str) -> Entry {
    of("signing_key.deleted", kid)
}

/// So many rows are sealed under the newest key encryption key from now on.
pub fn resealed(what: &str, rows: u64) -> Entry {
    Entry::new("secrets.resealed", what).after(json!({"rows": rows})).by(actor())
}

fn of(action: &'static str, kid: &str) -> Entry {
    Entry::new(action, format!("signing_key:{kid}")).by(actor())
}

fn actor() -> Actor {
    match origin::current() {
        Some(Origin::Command) => Actor::Operator,
        _ => Principal::Client(roster::AUTH.name.to_owned()).into(),
    }
}
