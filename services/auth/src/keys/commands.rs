//! Commands of whoever looks after the keys; processes that run notice what these do.

use super::{
    model::{may_sign_at, verifies_until},
    resealing,
    rotation::{ALL, Rotation},
    store::{State, StoredKey},
};
use crate::config::read_key_sealer;
use access::token::KEYS_BELIEVED;
use anyhow::bail;
use chrono::{DateTime, SecondsFormat, Utc};
use common::{
    ambient::Ambient,
    config::{Database, Env, Setting},
    db::Db,
    sealing::Sealer,
};
use contracts::roster;
use service_kit::{Command, cli::with_config};
use std::process::ExitCode;

pub const SHOW: Command = Command {
    name: "signing-keys",
    about: "Show the signing keys",
    argument: None,
    settings,
    run: |_| with_rotation(async |rotation| show(&rotation.read().await?)),
};
pub const ROTATE: Command = Command {
    name: "rotate-signing-key",
    about: "Let the next signing key sign from now on, if it was published for a day",
    argument: None,
    settings,
    run: |_| with_rotation(async |rotation| show(&rotation.rotate().await?)),
};
pub const REPLACE: Command = Command {
    name: "replace-signing-key",
    about: "Let a new signing key sign at once; tokens of the one before it stay valid until they expire",
    argument: None,
    settings,
    run: |_| with_rotation(async |rotation| show(&rotation.replace().await?)),
};
pub const REVOKE: Command = Command {
    name: "revoke-signing-key",
    about: "Refuse what the signing key of this id has signed, or what all have; new ones take its place",
    argument: Some("kid|all"),
    settings,
    run: |kid| with_rotation(async |rotation| revoke(&rotation, &kid.unwrap_or_default()).await),
};
pub const RESEAL: Command = Command {
    name: "reseal",
    about: "Put what is sealed under KEY_ENCRYPTION_KEYS_PREVIOUS under KEY_ENCRYPTION_KEY",
    argument: None,
    settings,
    run: |_| with_rotation(async |rotation| reseal(&rotation).await),
};

fn settings() -> Vec<Setting> {
    Env::questions(read)
}

/// DATABASE_URL, KEY_ENCRYPTION_KEY, KEY_ENCRYPTION_KEYS_PREVIOUS.
fn read(env: &mut Env) -> Option<(Database, Sealer)> {
    let (database, sealer) = (Database::read(env), read_key_sealer(env));
    Some((database?, sealer?))
}

fn with_rotation(act: impl AsyncFnOnce(Rotation) -> anyhow::Result<()>) -> ExitCode {
    with_config(read, async |(database, sealer)| {
        let ambient = Ambient::system();
        let db = Db::connect(&database, roster::AUTH.name, ambient.clone())?;
        act(Rotation { db, sealer, ambient }).await
    })
}

#[expect(clippy::print_stdout, reason = "a command that says what it did")]
async fn revoke(rotation: &Rotation, kid: &str) -> anyhow::Result<()> {
    show(&rotation.revoke(kid).await?)?;
    let which = if kid == ALL { "the keys" } else { "the key" };
    println!("Services refuse what {which} signed in {} seconds at the latest.", KEYS_BELIEVED.as_secs());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command that says what it did")]
async fn reseal(rotation: &Rotation) -> anyhow::Result<()> {
    let outcome = resealing::reseal(rotation).await?;
    if outcome.unopened > 0 {
        bail!("{} rows open under none of the keys that were given", outcome.unopened);
    }
    println!(
        "{} rows were resealed; all {} are under KEY_ENCRYPTION_KEY. Links to refuse invitations in mails that were \
         sent before are not: they work for as long as KEY_ENCRYPTION_KEYS_PREVIOUS has their key.",
        outcome.resealed,
        outcome.resealed + outcome.under_newest
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command that says what there is")]
fn show(keys: &[StoredKey]) -> anyhow::Result<()> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    for key in keys {
        let said = match key.state {
            State::Current => format!("current, signs since {}", time(key.since)),
            State::Next => format!("next, may sign from {}", time(may_sign_at(key.since))),
            State::Previous => format!("previous, verifies until {}", time(verifies_until(key.since))),
        };
        println!("{} {said}", key.kid);
    }
    Ok(())
}
